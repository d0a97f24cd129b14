import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CapabilityContext, CapabilityReply } from '@capsule/provider-sdk'
import { createFakeClock, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith, type TestOptions } from './fetching.ts'
import { type Site, startRawSite, startSite } from './site.ts'

const slowBody = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx'

/** A call whose body the test reads itself. */
async function openBody(site: Site, options: TestOptions = {}, context: Partial<CapabilityContext> = {}) {
  const provider = createTestProvider([site.port], options)
  const input = { url: `http://a.example.com:${site.port}/`, method: 'GET', redirect: 'follow' }
  const facts: Record<string, unknown> = {}
  const reply = (await provider.capabilities['fetch']?.invoke(input, {
    signal: new AbortController().signal,
    limits: { timeoutMs: Infinity, inputBytes: Infinity, outputBytes: Infinity, concurrent: 1 },
    secrets: {},
    annotate: (more: object) => void Object.assign(facts, more),
    ...context,
  } as CapabilityContext)) as CapabilityReply
  return { reply, facts, iterator: reply.body[Symbol.asyncIterator](), provider }
}

it('ends a body that trickles in at the deadline of the whole call', async () => {
  const clock = createFakeClock()
  await using site = await startRawSite((socket) => socket.write(slowBody))
  const { iterator, facts, provider } = await openBody(site, { clock, timeoutMs: 1000 })
  await using _ = provider
  expect((await iterator.next()).value).toEqual(new Uint8Array([0x78]))
  clock.advance(900)
  site.sockets.values[0]?.write('y')
  expect((await iterator.next()).value).toEqual(new Uint8Array([0x79]))
  const next = iterator.next()
  clock.advance(100)
  await expect(next).rejects.toMatchObject({ code: 'HTTP_TIMED_OUT', details: { timeoutMs: 1000 } })
  await site.socketClosed(0)
  expect(facts).toMatchObject({ bytes: 2 })
  expect(clock.pendingTimers).toBe(0)
})

it('ends a call without an answer, and one whose body nobody reads, at the deadline', async () => {
  const clock = createFakeClock()
  await using silent = await startRawSite(() => {})
  await using provider = createTestProvider([silent.port], { clock, timeoutMs: 50 })
  const call = codeOf(
    fetchWith(provider, `http://a.example.com:${silent.port}/`, {}, { timeoutMs: 40, clock: createFakeClock() }),
  )
  await silent.sockets.waitForCount(1)
  clock.advance(40)
  expect(await call).toBe('HTTP_TIMED_OUT')
  await silent.socketClosed(0)

  await using site = await startRawSite((socket) => socket.write(slowBody))
  const opened = await openBody(site, { clock, timeoutMs: 1000 })
  await using _ = opened.provider
  clock.advance(1000)
  await site.socketClosed(0)
  await expect(opened.iterator.next()).rejects.toMatchObject({ code: 'HTTP_TIMED_OUT' })
})

it('closes the connection when the cell is cancelled: while it waits, and within the body', async () => {
  await using silent = await startRawSite(() => {})
  await using provider = createTestProvider([silent.port])
  const waiting = new AbortController()
  const call = fetchWith(provider, `http://a.example.com:${silent.port}/`, { signal: waiting.signal })
  await silent.sockets.waitForCount(1)
  waiting.abort()
  expect(await codeOf(call)).toBe('CANCELLED')
  await silent.socketClosed(0)

  await using site = await startRawSite((socket) => socket.write(slowBody))
  const reading = new AbortController()
  const { iterator, provider: another } = await openBody(site, {}, { signal: reading.signal })
  await using _ = another
  await iterator.next()
  const next = iterator.next()
  reading.abort('enough')
  await expect(next).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
  await site.socketClosed(0)

  const aborted = { signal: AbortSignal.abort() }
  await expect(openBody(site, {}, aborted)).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(site.sockets.values).toHaveLength(1)
})

it.each(['after a chunk', 'before the first', 'while a read is under way'])(
  'closes the connection when the body is left %s',
  async (when) => {
    await using site = await startRawSite((socket) => socket.write(slowBody))
    const { iterator, facts, provider } = await openBody(site)
    await using _ = provider
    if (when !== 'before the first') await iterator.next()
    const next = when === 'while a read is under way' ? iterator.next() : undefined
    await waitFor(Promise.resolve(iterator.return?.()), { what: 'leaving the body' })
    await next
    await site.socketClosed(0)
    expect(facts).toHaveProperty('bytes', when === 'before the first' ? 0 : 1)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  },
)

it('stops sending a streamed body when the call is over', async () => {
  const isHeard = Promise.withResolvers<void>()
  await using site = await startRawSite(() => isHeard.resolve())
  await using provider = createTestProvider([site.port], { methods: ['POST'] })
  const isLeft = Promise.withResolvers<void>()
  const endless: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      let count = 0
      return {
        next: () => (count++ === 0 ? Promise.resolve({ done: false, value: Buffer.from('x') }) : new Promise(() => {})),
        return: () => {
          isLeft.resolve()
          return Promise.resolve({ done: true, value: undefined })
        },
      }
    },
  }
  const controller = new AbortController()
  const call = fetchWith(
    provider,
    `http://a.example.com:${site.port}/`,
    { method: 'POST', signal: controller.signal },
    { body: endless },
  )
  await waitFor(isHeard.promise, { what: 'the request' })
  controller.abort()
  expect(await codeOf(call)).toBe('CANCELLED')
  await waitFor(isLeft.promise, { what: 'the end of the source' })
  await site.socketClosed(0)
})

it('holds the sender back while the body is not read', async () => {
  const chunk = Buffer.alloc(64 * 1024)
  let sent = 0
  await using site = await startSite((_, response) => {
    const more = (): void => {
      while (sent < 1024 && response.writable) {
        sent++
        if (!response.write(chunk)) return void response.once('drain', more)
      }
      if (response.writable) response.end()
    }
    more()
  })
  const { iterator, provider } = await openBody(site, { maxResponseBytes: 100 * 1024 * 1024 })
  await using _ = provider
  await iterator.next()
  // sockets buffer some MiB; the rest waits
  for (let turn = 0; turn < 200; turn++) await nextTurn()
  expect(sent).toBeLessThan(512)
  let bytes = 0
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    bytes += (next.value as Uint8Array).length
  expect(bytes).toBeGreaterThan(1023 * chunk.length)
})

it('leaves no listener on the signal of the cell', async () => {
  await using site = await startSite((_, response) => response.end('x'))
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = ((...args: Parameters<typeof add>) => (listeners++, add(...args))) as typeof add
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => (listeners--, remove(...args))) as typeof remove
  const { reply, provider } = await openBody(site, {}, { signal })
  await using _ = provider
  expect(listeners).toBe(1)
  for await (const _chunk of reply.body);
  expect(listeners).toBe(0)
})

it('disposes with calls under way', async () => {
  await using site = await startRawSite((socket) => socket.write(slowBody))
  const { iterator, provider } = await openBody(site)
  await iterator.next()
  const closed = site.socketClosed(0)
  const next = codeOf(iterator.next())
  await provider[Symbol.asyncDispose]()
  expect(await next).toBe('HTTP_CLOSED')
  await closed
})
