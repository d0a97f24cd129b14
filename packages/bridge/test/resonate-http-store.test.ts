import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { createResonateHttpStore, type DurablePromiseStore } from '@capsule/bridge'
import { describeDurablePromiseStoreContract } from '@capsule/bridge/testing'
import { waitFor } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type ResonateServer, startResonateServer } from './fixtures/resonate-server.ts'

const capabilities = { name: 'resonate-http', persistent: true, shared: true, enforcesTimeouts: true }
const farMs = (): number => Date.now() + 600_000

describe('a server that speaks the protocol', () => {
  const servers = new Map<DurablePromiseStore, ResonateServer>()
  const connect = async (server: ResonateServer): Promise<DurablePromiseStore> => {
    const store = await createResonateHttpStore({ url: server.url, token: 'secret' })
    servers.set(store, server)
    return store
  }
  describeDurablePromiseStoreContract({
    name: 'resonate over http',
    capabilities,
    open: async () => connect(await startResonateServer({ token: 'secret' })),
    openSecond: (store) => connect(servers.get(store)!),
    reopen: async (store) => {
      await store.close()
      return connect(servers.get(store)!)
    },
    cut: async (store) => servers.get(store)!.cut(),
    dispose: async (store) => servers.get(store)!.stop(),
    hasRetention: false,
  })
})

const realUrl = process.env['RESONATE_URL']
if (realUrl === undefined) {
  it.skip('runs against a real Resonate server (RESONATE_URL is not set: !!! ONLY THE TEST SERVER WAS TRIED !!!)', () => {})
} else {
  const token = process.env['RESONATE_TOKEN']
  const open = (): Promise<DurablePromiseStore> =>
    createResonateHttpStore({ url: realUrl, ...(token === undefined ? {} : { token }) })
  // the server keeps what earlier checks left: each check gets ids of its own
  const withOwnIds = (store: DurablePromiseStore, prefix: string): DurablePromiseStore => {
    const own = <Call extends (id: string) => string>(map: Call) => map
    const into = own((id) => `${prefix}.${id}`)
    const out = <Record extends { id: string }>(record: Record): Record => ({
      ...record,
      id: record.id.slice(prefix.length + 1),
    })
    return {
      capabilities: store.capabilities,
      create: async (promise, options) => {
        const { record, created } = await store.create({ ...promise, id: into(promise.id) }, options)
        return { record: out(record), created }
      },
      settle: async (settlement, options) => {
        const { record, applied } = await store.settle({ ...settlement, id: into(settlement.id) }, options)
        return { record: out(record), applied }
      },
      get: async (id, options) => {
        const record = await store.get(into(id), options)
        return record && out(record)
      },
      wait: async (id, options) => out(await store.wait(into(id), options)),
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }
  }
  const prefixes = new Map<DurablePromiseStore, string>()
  const openWith = async (prefix: string): Promise<DurablePromiseStore> => {
    const store = withOwnIds(await open(), prefix)
    prefixes.set(store, prefix)
    return store
  }
  describeDurablePromiseStoreContract({
    name: `resonate at ${realUrl}`,
    capabilities,
    open: () => openWith(randomUUID().slice(0, 8)),
    openSecond: (store) => openWith(prefixes.get(store)!),
    reopen: async (store) => {
      await store.close()
      return openWith(prefixes.get(store)!)
    },
    hasRetention: false,
  })
}

describe('when the server fails', () => {
  let server: ResonateServer
  let store: DurablePromiseStore
  beforeAll(async () => {
    server = await startResonateServer({ token: 'secret' })
    store = await createResonateHttpStore({ url: server.url, token: 'secret' })
  })
  afterAll(async () => {
    await store.close()
    await server.stop()
  })

  it('tells the truth about calls whose answers were lost', async () => {
    server.loseAnswers(2)
    const { record, created } = await store.create({ id: 'lost', timeoutAtMs: farMs(), param: 'p' })
    expect([created, record.param]).toEqual([true, 'p'])
    server.loseAnswers(2)
    expect((await store.settle({ id: 'lost', state: 'resolved', value: 'v' })).applied).toBe(true)
    expect((await store.settle({ id: 'lost', state: 'resolved', value: 'v' })).applied).toBe(false)
  })

  it('tries again while the server is down, and gives up in time', async () => {
    await store.create({ id: 'down', timeoutAtMs: farMs() })
    const waiting = store.wait('down')
    await server.stop()
    const settling = store.settle({ id: 'down', state: 'resolved', value: 'v' })
    const hasty = await createResonateHttpStore({ url: server.url, token: 'secret', retryMs: 100 })
    const refused = { code: 'STORE_UNAVAILABLE', details: { store: 'resonate-http', action: 'get' } }
    await expect(waitFor(hasty.get('down'))).rejects.toMatchObject(refused)
    await hasty.close()
    await server.start()
    expect((await waitFor(settling)).applied).toBe(true)
    expect((await waitFor(waiting)).value).toBe('v')
  })

  it('goes on after failures of the server', async () => {
    server.failWith(503)
    const creating = store.create({ id: 'failed', timeoutAtMs: farMs() })
    const controller = new AbortController()
    const other = store.get('failed', { signal: controller.signal })
    controller.abort()
    await expect(other).rejects.toMatchObject({ code: 'CANCELLED' })
    server.failWith()
    expect((await waitFor(creating)).created).toBe(true)
  })

  it.each([401, 403])('ends calls and waits at once when it is answered %i', async (status) => {
    const id = `refused-${status}`
    await store.create({ id, timeoutAtMs: farMs() })
    const waiting = store.wait(id)
    await store.get(id)
    server.failWith(status)
    onTestFinished(() => server.failWith())
    await expect(waitFor(store.get(id))).rejects.toMatchObject({ code: 'STORE_UNAUTHORIZED' })
    await expect(waitFor(waiting)).rejects.toMatchObject({ code: 'STORE_UNAUTHORIZED' })
  })

  it('asks no faster for many waits than for a few', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `many-${index}`)
    await Promise.all(ids.map((id) => store.create({ id, timeoutAtMs: farMs() })))
    const waits = Promise.all(ids.map((id) => store.wait(id)))
    const registrations = (): number => server.counts['promise.register_listener'] ?? 0
    await waitFor(Promise.all(ids.map((id) => store.get(id))))
    const before = registrations()
    // a promise of the store is the clock
    await store.create({ id: 'clock', timeoutAtMs: Date.now() + 3000 })
    await store.wait('clock')
    expect(registrations() - before).toBeLessThan(300 + 4 * 50)
    await Promise.all(ids.map((id) => store.settle({ id, state: 'resolved', value: id })))
    expect((await waitFor(waits)).map(({ value }) => value)).toEqual(ids)
  })
})

it('takes no stranger for a Resonate server', async () => {
  const stranger = createServer((request, response) => {
    response.writeHead(request.method === 'POST' ? 404 : 200).end('{"kind":"promise.get","head":{"status":404}}')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void stranger.close())
  await once(stranger, 'listening')
  const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
  const store = await createResonateHttpStore({ url, retryMs: 0 })
  onTestFinished(() => store.close())
  await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})
