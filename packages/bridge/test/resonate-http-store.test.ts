import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { createResonateHttpStore, type DurablePromiseStore } from '@capsule/bridge'
import { describeDurablePromiseStoreContract } from '@capsule/bridge/testing'
import { waitFor } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { withOwnIds } from './fixtures/own-ids.ts'
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
const onlyFake = realUrl === undefined ? ' (!!! RESONATE_URL IS NOT SET: ONLY THE TEST SERVER IS TRIED !!!)' : ''
describe.skipIf(realUrl === undefined)(`a real Resonate server${onlyFake}`, () => {
  const prefixes = new Map<DurablePromiseStore, string>()
  const open = async (prefix: string): Promise<DurablePromiseStore> => {
    const token = process.env['RESONATE_TOKEN']
    const options = token === undefined ? {} : { token }
    const store = withOwnIds(await createResonateHttpStore({ url: realUrl!, ...options }), prefix)
    prefixes.set(store, prefix)
    return store
  }
  describeDurablePromiseStoreContract({
    name: 'resonate at RESONATE_URL',
    capabilities,
    open: () => open(randomUUID().slice(0, 8)),
    openSecond: (store) => open(prefixes.get(store)!),
    reopen: async (store) => {
      await store.close()
      return open(prefixes.get(store)!)
    },
    hasRetention: false,
    // what remains for the longest id
    idChars: 500,
  })
})

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
    const refused = { code: 'STORE_UNAUTHORIZED' }
    const waiting = store.wait(id)
    // looked at below, and refused maybe before
    waiting.catch(() => {})
    await store.get(id)
    server.failWith(status)
    onTestFinished(() => server.failWith())
    await expect(waitFor(store.get(id))).rejects.toMatchObject(refused)
    await expect(waitFor(waiting)).rejects.toMatchObject(refused)
  })

  it('asks no faster for many waits than for a few', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `many-${index}`)
    await Promise.all(ids.map((id) => store.create({ id, timeoutAtMs: farMs() })))
    const waits = Promise.all(ids.map((id) => store.wait(id)))
    waits.catch(() => {})
    const registrations = (): number => server.counts['promise.register_listener'] ?? 0
    await waitFor(Promise.all(ids.map((id) => store.get(id))))
    const [before, startedMs] = [registrations(), performance.now()]
    // a promise of the store is the clock
    await store.create({ id: 'clock', timeoutAtMs: Date.now() + 3000 })
    await store.wait('clock')
    const seconds = (performance.now() - startedMs) / 1000
    // each at first, each again should the stream have come back meanwhile, and 50 a second; not 300 a second
    expect(registrations() - before).toBeLessThan(600 + 50 * (seconds + 1))
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
