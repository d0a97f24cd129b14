import { createMemoryTransportPair } from '@capsule/transport'
import { createRecordingReader, type TransportPair } from '@capsule/transport/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFifoPair } from './fifo-pair.ts'

const bulkTypes = ['stream-open', 'stream-data', 'stream-close', 'capability-response'] as const
const controlTypes = ['execute', 'cancel', 'input-response', 'heartbeat', 'output', 'result'] as const

/** What the sender does: a message of that type and so many KiB, or a turn in which the pipe takes what it can. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constantFrom(...bulkTypes), kib: fc.integer({ min: 0, max: 100 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constantFrom(...controlTypes), kib: fc.integer({ min: 0, max: 20 }) }),
    },
    { weight: 1, arbitrary: fc.constant('turn' as const) },
    { weight: 1, arbitrary: fc.constantFrom('pause' as const, 'resume' as const) },
  ),
  { maxLength: 50 },
)

interface Sent {
  readonly type: string
  readonly n: number
}

const isBulk = ({ type }: Sent): boolean => (bulkTypes as readonly string[]).includes(type)

const memoryPair = (): Promise<TransportPair> => {
  const { host, worker } = createMemoryTransportPair<object, object>()
  return Promise.resolve({ left: host, right: worker, dispose: () => host[Symbol.asyncDispose]() })
}

it.each([
  ['memory', memoryPair],
  ['a socket', createFifoPair],
])('over %s each lane keeps its order, bulk overtakes nothing, and all of it arrives', async (_name, create) => {
  await fc.assert(
    fc.asyncProperty(steps, async (todo) => {
      const pair = await create()
      try {
        const right = createRecordingReader<Sent>()
        pair.left.start(createRecordingReader())
        pair.right.start(right)
        let sent = 0
        for (const step of todo) {
          if (step === 'turn') await new Promise((resolve) => setImmediate(resolve))
          else if (step === 'pause') pair.right.pause()
          else if (step === 'resume') pair.right.resume()
          else pair.left.send({ type: step.type, n: sent++, text: 'x'.repeat(step.kib * 1024) })
        }
        pair.right.resume()
        await pair.left.close()
        const messages = await right.received(sent)
        expect(await right.ended()).toEqual({ reason: 'eof' })
        expect(messages.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n))
        const isSorted = (numbers: readonly number[]) =>
          numbers.every((n, at) => at === 0 || n > (numbers[at - 1] ?? 0))
        expect(isSorted(messages.filter(isBulk).map(({ n }) => n))).toBe(true)
        expect(isSorted(messages.filter((message) => !isBulk(message)).map(({ n }) => n))).toBe(true)
        // what comes before a control message and was sent after it
        const overtaken = messages.flatMap((message, at) =>
          isBulk(message) ? [] : messages.slice(0, at).filter(({ n }) => n > message.n),
        )
        expect(overtaken).toEqual([])
      } finally {
        await pair.dispose()
      }
    }),
    { numRuns: 25 },
  )
})
