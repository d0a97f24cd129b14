import type { StreamMessage } from '@capsule/protocol'
import { describe, expect, it } from 'vitest'
import { transportErrors } from '../errors.ts'
import { createStreamHub, type StreamHub, type StreamHubOptions } from './stream-hub.ts'

const sizes = { pieceBytes: 1000, valueBytes: 5000 }

/** Two hubs with a wire between them that carries what it is told to. */
function createPair(options: Partial<StreamHubOptions> = {}) {
  const queues: Record<'host' | 'worker', StreamMessage[]> = { host: [], worker: [] }
  const refused: StreamMessage[] = []
  const make = (side: 'host' | 'worker'): StreamHub =>
    createStreamHub({ side, sizes, send: (message) => queues[side].push(message) > 0, ...options })
  const host = make('host')
  const worker = make('worker')
  const carry = (from: 'host' | 'worker'): boolean => {
    const message = queues[from].shift()
    if (message === undefined) return false
    if (!(from === 'host' ? worker : host).receive(message)) refused.push(message)
    return true
  }
  return {
    host,
    worker,
    queues,
    refused,
    carry,
    /** Carries until nothing is under way, letting readers and writers go on in between. */
    async settle(): Promise<void> {
      for (let idle = 0; idle < 3;) {
        idle = carry('host') || carry('worker') ? 0 : idle + 1
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(refused).toEqual([])
    },
  }
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill)
const code = (name: string): unknown => expect.objectContaining({ code: name })

async function readAll(channel: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of channel) chunks.push(chunk)
  return chunks
}

describe('a channel', () => {
  it.each(['host first', 'worker first', 'both at once'])(
    'is one under one name, whoever comes first (%s)',
    async (order) => {
      const pair = createPair()
      const first = order === 'worker first' ? pair.worker : pair.host
      const second = first === pair.host ? pair.worker : pair.host
      const one = first.stream('a')
      if (order !== 'both at once') await pair.settle()
      const other = second.stream('a')
      expect(second.stream('a')).toBe(other)
      const written = [one.write('there'), other.write('back')]
      const reading = [one.read(), other.read()]
      await pair.settle()
      await Promise.all(written)
      expect((await Promise.all(reading)).map((result) => result.value)).toEqual(['back', 'there'])
      await Promise.all([one.end(), other.end()])
      await pair.settle()
      await Promise.all([one.closed, other.closed])
      expect([pair.host.counters.open, pair.worker.counters.open]).toEqual([0, 0])
      expect(first.stream('a')).not.toBe(one)
    },
  )
})

it('throws what it was closed with', () => {
  const { host } = createPair()
  const error = transportErrors.STREAM_ENDED({ name: 'x' })
  host.close(error)
  expect(() => host.stream('a')).toThrow(code('STREAM_ENDED'))
})

void [bytes, readAll]
