import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { createResonateHttpStore, type DurablePromiseStore } from '@capsule/bridge'
import { describeDurablePromiseStoreContract } from '@capsule/bridge/testing'
import { createRecorder, waitFor } from '@capsule/testing'
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

/** Answers whatever it likes: `answer` gets what was asked, and gives what is said. */
async function startLiar(answer: (kind: string) => unknown): Promise<{ url: string; say: (event: string) => void }> {
  const streams: ServerResponse[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }))
      response.flushHeaders()
      return
    }
    void text(request).then((body) => {
      const { kind, head } = JSON.parse(body) as { kind: string; head: { corrId: string } }
      response.end(JSON.stringify({ kind, head: { status: 200, corrId: head.corrId }, data: answer(kind) }))
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const say = (event: string): void => streams.forEach((stream) => void stream.write(`data: ${event}\n\n`))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, say }
}

describe('when the server lies', () => {
  const pending = { id: 'a', state: 'pending', param: {}, value: {}, tags: {}, timeoutAt: farMs(), createdAt: 1 }
  const lies = [
    ['nothing', undefined],
    ['no promise', {}],
    ['null for a promise', { promise: null }],
    ['a promise without tags', { promise: { ...pending, tags: undefined } }],
    ['a state of its own', { promise: { ...pending, state: 'done' } }],
    ['a time that is none', { promise: { ...pending, timeoutAt: 'soon' } }],
    ['another promise', { promise: { ...pending, id: 'b' } }],
  ] as const

  it.each(lies)('says so when it answers %s', async (_, data) => {
    const { url } = await startLiar(() => data)
    const store = await createResonateHttpStore({ url, retryMs: 0 })
    onTestFinished(() => store.close())
    const refused = { code: 'STORE_UNAVAILABLE' }
    await expect(store.create({ id: 'a', timeoutAtMs: farMs() })).rejects.toMatchObject(refused)
    await expect(store.settle({ id: 'a', state: 'resolved' })).rejects.toMatchObject(refused)
    await expect(store.get('a')).rejects.toMatchObject(refused)
  })

  it('goes on when its messages are none', async () => {
    let state = 'pending'
    const asked = createRecorder<string>()
    const { url, say } = await startLiar((kind) => {
      asked.record(kind)
      return { promise: { ...pending, state } }
    })
    const store = await createResonateHttpStore({ url, rewaitMs: 50 })
    onTestFinished(() => store.close())
    const waiting = store.wait('a')
    await asked.waitForCount(2)
    for (const [, data] of lies.slice(0, -1)) say(JSON.stringify({ kind: 'unblock', data }))
    for (const event of ['', '{', 'null', '[]', '"unblock"', '{"kind":"unblock"}', '{"kind":5}']) say(event)
    await asked.waitForCount(asked.values.length + 3)
    state = 'resolved'
    expect((await waitFor(waiting)).state).toBe('resolved')
  })

  it('does not hammer a server whose event streams end at once', async () => {
    const opened = createRecorder<number>()
    const server = createServer((request, response) => {
      if (request.method === 'GET') opened.record(performance.now())
      response.writeHead(request.method === 'GET' ? 200 : 503).end()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const store = await createResonateHttpStore({ url })
    onTestFinished(() => store.close())
    store.wait('a').catch(() => {})
    await opened.waitForCount(7)
    // the pauses grow: from 25 ms on, each twice the one before, less by up to half
    expect(opened.values[6]! - opened.values[0]!).toBeGreaterThan((25 / 2) * (1 + 2 + 4 + 8 + 16 + 32) - 50)
  })
})

describe('secrets', () => {
  const secret = 'hush-4711'
  const textOf = (error: unknown): string => inspect(error, { depth: 10, showHidden: true })

  it.each([
    ['a token with a newline', { url: 'http://127.0.0.1:9', token: `${secret}\n` }],
    ['a token with a control character', { url: 'http://127.0.0.1:9', token: `a\u0001${secret}` }],
    ['a header that HTTP cannot carry', { url: 'http://127.0.0.1:9', headers: { 'x-key': `${secret}\n` } }],
    ['a header whose name is none', { url: 'http://127.0.0.1:9', headers: { 'x key': secret } }],
    ['credentials in the URL', { url: `http://me:${secret}@127.0.0.1:9` }],
    ['a query', { url: `http://127.0.0.1:9/?key=${secret}` }],
    ['a fragment', { url: `http://127.0.0.1:9/#${secret}` }],
  ])('are not in the error that refuses %s', async (_, options) => {
    const error: unknown = await createResonateHttpStore(options).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(textOf(error)).not.toContain(secret)
  })

  it('are not in the errors of calls', async () => {
    const server = await startResonateServer({ token: 'another' })
    onTestFinished(() => server.stop())
    const options = { url: server.url, token: secret, headers: { 'x-key': secret }, retryMs: 0 }
    const store = await createResonateHttpStore(options)
    onTestFinished(() => store.close())
    const refused: unknown = await store.get('a').catch((reason: unknown) => reason)
    await server.stop()
    const unanswered: unknown = await store.get('a').catch((reason: unknown) => reason)
    expect([refused, unanswered]).toMatchObject([{ code: 'STORE_UNAUTHORIZED' }, { code: 'STORE_UNAVAILABLE' }])
    expect(textOf([refused, unanswered])).not.toContain(secret)
    await server.start()
  })
})

it.each([0.5, 0, -1, 2 ** 32, Infinity])('refuses %d ms for one request', async (timeoutMs) => {
  const options = { url: 'http://127.0.0.1:9', timeoutMs }
  await expect(createResonateHttpStore(options)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})

it.each(['never answers', 'never ends its answer', 'redirects'])('gives up on a server that %s', async (what) => {
  const server = createServer((_, response) => {
    if (what === 'redirects') response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()
    else if (what === 'never ends its answer') response.writeHead(200).write('{')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = await createResonateHttpStore({ url, timeoutMs: 100, retryMs: 150 })
  await expect(waitFor(store.get('a'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  const calls = Promise.allSettled([store.wait('a'), store.get('a')])
  await waitFor(store.close())
  const closed = { status: 'rejected', reason: { code: 'STORE_CLOSED' } }
  expect(await waitFor(calls)).toMatchObject([closed, closed])
})

it('takes a URL however it is written', async () => {
  const server = await startResonateServer()
  onTestFinished(() => server.stop())
  const store = await createResonateHttpStore({ url: `HTTP://127.0.0.1:${server.port}///` })
  onTestFinished(() => store.close())
  await store.create({ id: 'a', timeoutAtMs: farMs() })
  const waiting = store.wait('a')
  await store.settle({ id: 'a', state: 'resolved', value: 'v' })
  expect((await waitFor(waiting)).value).toBe('v')
  await store.create({ id: 'b', timeoutAtMs: farMs() })
  const other = await createResonateHttpStore({ url: server.url })
  onTestFinished(() => other.close())
  const told = store.wait('b')
  await other.settle({ id: 'b', state: 'resolved' })
  expect((await waitFor(told)).state).toBe('resolved')
  expect(server.streams).toHaveLength(1)
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
