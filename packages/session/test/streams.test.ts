import type { StreamMessage, WorkerMessage } from '@capsule/protocol'
import { createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { openSession, sessionEvent, started } from './open-session.ts'

const data = (streamId: string, length = 1): WorkerMessage => ({
  type: 'stream-data',
  streamId,
  kind: 'bytes',
  data: new Uint8Array(length),
})

describe('session.stream()', () => {
  it('opens, is accepted, and sends within the window', async () => {
    const { session, worker } = await openSession({ maxStreams: 3 })
    expect(worker.process.received[0]).toMatchObject({ type: 'hello', maxStreams: 3 })
    const channel = session.stream('a', { windowBytes: 5000 })
    const written = channel.write(new Uint8Array(300_000))
    expect(await waitFor(worker.process.next('stream-open'))).toEqual({
      type: 'stream-open',
      streamId: 'h1',
      name: 'a',
      windowBytes: 5000,
    })
    worker.process.send({ type: 'stream-credit', streamId: 'h1', bytes: 1_000_000 })
    await waitFor(written)
    const reading = channel.read()
    worker.process.send(data('h1', 10))
    expect(await waitFor(reading)).toMatchObject({ done: false })
    expect(session.info().streams).toEqual({ open: 1, sentBytes: 300_000, receivedBytes: 10 })
  })

  it('shows its messages to interceptors', async () => {
    const seen = createRecorder<string>()
    const note =
      (direction: string) =>
      (message: Readonly<Record<string, unknown>>): void =>
        seen.record(`${direction} ${String(message['type'])}`)
    const open = await openSession({ interceptors: [{ name: 'seer', received: note('in'), sent: note('out') }] })
    void open.session.stream('a')
    open.worker.process.send({ type: 'stream-credit', streamId: 'h1', bytes: 1 })
    await seen.waitFor((line) => line === 'in stream-credit')
    expect(seen.values).toContain('out stream-open')
  })

  it('has no worker while the session restarts', async () => {
    const { session, worker } = await openSession()
    const before = session.stream('a')
    const failed = before.read().catch((error: { code: string }) => error.code)
    const crashed = sessionEvent(session, 'crashed')
    worker.process.exit({ code: 1 })
    await crashed
    expect(() => session.stream('a')).toThrow(expect.objectContaining({ code: 'NO_WORKER' }))
    expect(await waitFor(failed)).toBe('WORKER_EXITED')
    await sessionEvent(session, 'restarted')
    expect(session.stream('a')).not.toBe(before)
  })

  it.each([[5], [''], ['x'.repeat(129)], ['capsule:checkpoint/1']])('refuses the name %j', async (name) => {
    const { session } = await openSession()
    expect(() => session.stream(name as string)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    expect(() => session.stream('a', { window: 5 } as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS' }),
    )
  })
})

describe('a hostile worker', () => {
  const opens = (count: number): StreamMessage[] =>
    Array.from({ length: count }, (_, index) => ({
      type: 'stream-open',
      streamId: `w${index + 1}`,
      name: `n${index}`,
      windowBytes: 1,
    }))

  it.each<[string, object[], number]>([
    ['data for nothing', [data('w9')], 1],
    ['credit for nothing', [{ type: 'stream-credit', streamId: 'output', bytes: 5 }], 1],
    ['more channels than it may open', opens(6), 4],
    ['a name that is too long', [{ type: 'stream-open', streamId: 'w1', name: 'x'.repeat(129), windowBytes: 1 }], 1],
    ['data that is none', [{ type: 'stream-data', streamId: 'h1', kind: 'bytes', data: 'text' }], 1],
  ])('is counted for %s', async (_what, messages, violations) => {
    const open = await openSession({ maxStreams: 2 })
    const { execution, id } = await started(open)
    for (const message of messages) open.worker.process.sendRaw(message)
    open.worker.process.result(id)
    expect(await waitFor(execution.outcome)).toMatchObject({ status: 'ok' })
    expect(open.session.info().counters.invalidMessages).toBe(violations)
  })

  it('is killed when it sends on beyond its credit', async () => {
    const { session, worker } = await openSession()
    const channel = session.stream('a', { windowBytes: 1000 })
    worker.process.send({ type: 'stream-credit', streamId: 'h1', bytes: 1000 })
    const crashed = sessionEvent(session, 'crashed')
    for (let index = 0; index < 20; index++) worker.process.send(data('h1', 600))
    await crashed
    expect((await waitFor(channel.read())).value).toHaveLength(600)
    await expect(waitFor(channel.read())).rejects.toMatchObject({ code: 'WORKER_VIOLATED_PROTOCOL' })
  })
})
