import type { StreamMessage } from '@capsule/protocol'
import { describe, expect, it } from 'vitest'
import { createCellStreams } from './cell-streams.ts'

/** The streams of cells with an engine and a host that do what the test says. */
function open({ isOffered = true }: { isOffered?: boolean } = {}) {
  const sent: StreamMessage[] = []
  const listeners = new Set<(error: Error) => void>()
  let cancellation: Error | undefined
  let depth = 0
  const streams = createCellStreams({
    link: isOffered
      ? {
          send: (message) => sent.push(message) > 0 && depth > 0,
          sizes: { pieceBytes: 1000, valueBytes: 1000 },
          maxStreams: 1,
        }
      : undefined,
    engine: {
      currentExecutionId: () => 'e',
      onCancel(_executionId, listener) {
        if (cancellation !== undefined) listener(cancellation)
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    critical(fn) {
      depth++
      try {
        return fn()
      } finally {
        depth--
      }
    },
  })
  return {
    streams,
    sent,
    listeners,
    cancel: (error: Error): void => {
      cancellation = error
      for (const listener of listeners) listener(error)
    },
    accept: () => streams.receive({ type: 'stream-credit', streamId: 'w1', bytes: 100_000 }),
    offer: (value: number) =>
      streams.receive({ type: 'stream-data', streamId: 'w1', kind: 'bytes', data: new Uint8Array([value]) }),
  }
}

it.each([[''], ['x'.repeat(129)], ['capsule:x'], [5], [undefined]])('refuses the name %j', (name) => {
  const { streams } = open()
  expect(() => streams.stream(name as string)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
})

it('says that the host knows no streams', () => {
  const { streams } = open({ isOffered: false })
  expect(() => streams.stream('a')).toThrow(expect.objectContaining({ code: 'STREAMS_UNAVAILABLE' }))
  expect(streams.receive({ type: 'stream-open', streamId: 'h1', name: 'a', windowBytes: 1 })).toBe(false)
})

describe('a cancelled execution', () => {
  it('gives up its reads and writes, and the channel stays', async () => {
    const { streams, cancel, accept, offer, listeners } = open()
    const channel = streams.stream('a')
    const waits = [channel.read(), channel.write('x')]
    const cancellation = new Error('cancelled')
    cancel(cancellation)
    for (const wait of waits) await expect(wait).rejects.toBe(cancellation)
    expect(listeners.size).toBe(0)
    accept()
    offer(7)
    expect(streams.stream('a')).toBe(channel)
  })

  it('leaves its loop without cancelling the channel', async () => {
    const { streams, cancel, sent } = open()
    const iterator = streams.stream('a')[Symbol.asyncIterator]()
    cancel(new Error('cancelled'))
    await iterator.return?.()
    expect(sent.map(({ type }) => type)).toEqual(['stream-open'])
  })

  it('takes nothing once its code was terminated', async () => {
    const { streams, accept, offer, listeners } = open()
    const channel = streams.stream('a')
    accept()
    const lost = channel.read()
    lost.catch(() => {})
    streams.giveUp('another')
    expect(listeners.size).toBe(1)
    streams.giveUp('e')
    expect(listeners.size).toBe(0)
    offer(7)
    expect((await channel.read()).value).toEqual(new Uint8Array([7]))
  })
})

it('cancels the channel when a loop is left early', async () => {
  const { streams, sent, accept, offer } = open()
  accept()
  const channel = streams.stream('a')
  accept()
  offer(1)
  for await (const _chunk of channel) break
  expect(sent.at(-1)).toEqual({ type: 'stream-close', streamId: 'w1', side: 'read' })
})
