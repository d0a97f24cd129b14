import { createFakeClock } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTerminal } from './contract/executor-bench.ts'
import type { ExecutorMessage } from './executor.ts'
import { createOutputPump } from './output-pump.ts'

const outputBufferBytes = 64
const executionId = fc.constantFrom('a', 'b', 'c')
const stream = fc.constantFrom('stdout' as const, 'stderr' as const)
const text = fc.string({ unit: fc.constantFrom('x', '\n', '\r\n', 'é', '😀'), minLength: 1, maxLength: 20 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), executionId, stream, text }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), executionId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), executionId }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('credit' as const), bytes: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(300, 1000) }) },
)

it('keeps order, one end, bounds and sums in any interleaving', () => {
  const backPressure = fc.constantFrom('block' as const, 'drop-new' as const, 'drop-oldest' as const, 'error' as const)
  const windowBytes = fc.constantFrom(5, 30, Infinity)
  const gathering = fc.constantFrom(0, 500)
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      backPressure,
      windowBytes,
      gathering,
      (steps, mode, window, gatherMs) => {
        const clock = createFakeClock()
        const sent: ExecutorMessage[] = []
        let isFree = true
        let spent = 0
        let granted = window
        const settings = {
          backPressure: mode,
          outputBufferBytes,
          outputChunkBytes: 16,
          drainTimeoutMs: 1000,
          suppressDrainErrors: false,
        }
        const pump = createOutputPump({
          settings,
          clock,
          windowBytes: window,
          gatherMs,
          send(message) {
            sent.push(message)
            if (message.type === 'output') spent += Buffer.byteLength(message.text)
            expect(spent).toBeLessThanOrEqual(granted)
            return isFree
          },
        })
        // the model: what was taken of each execution, in order, until it ended
        const taken = new Map<string, { printed: string; offeredBytes: number; asked: number }>()
        const ended = new Set<string>()
        let inputs = 0
        for (const one of steps) {
          if ('executionId' in one && ended.has(one.executionId)) continue
          const model =
            'executionId' in one
              ? (taken.get(one.executionId) ?? { printed: '', offeredBytes: 0, asked: 0 })
              : undefined
          if ('executionId' in one && model !== undefined) taken.set(one.executionId, model)
          switch (one.kind) {
            case 'write': {
              const outcome = pump.write(one.executionId, one.stream, one.text)
              if (outcome !== 'full') model!.offeredBytes += Buffer.byteLength(one.text)
              if (outcome === 'accepted') model!.printed += one.text
              break
            }
            case 'ask':
              model!.asked++
              pump.send({ type: 'input-request', executionId: one.executionId, inputId: `i${++inputs}`, prompt: '' })
              break
            case 'end':
              ended.add(one.executionId)
              pump.send({
                type: 'result',
                executionId: one.executionId,
                cell: 1,
                mode: 'simple',
                executor: 't',
                durationMs: 0,
                text: '',
              })
              break
            case 'credit':
              granted += one.bytes
              pump.credit(one.bytes)
              break
            case 'stall':
              isFree = false
              break
            case 'resume':
              isFree = true
              pump.resume()
              break
            case 'pass':
              clock.advance(one.ms)
          }
          expect(pump.queuedBytes).toBeLessThanOrEqual(outputBufferBytes + 80)
        }
        isFree = true
        granted = Infinity
        pump.resume()
        pump.credit(1e9)
        expect(pump.queuedBytes).toBe(0)
        for (const [id, model] of taken) {
          const own = sent.filter((message) => message.executionId === id)
          expect(problemsOf(own, model, { hasEnded: ended.has(id), isLossless: mode === 'block' })).toEqual([])
        }
        const order = sent.flatMap((message) =>
          message.type === 'input-request' ? [Number(message.inputId.slice(1))] : [],
        )
        for (const id of taken.keys()) expect(idsOf(sent, id)).toEqual(idsOf(sent, id).toSorted((x, y) => x - y))
        expect(order).toHaveLength(inputs)
      },
    ),
    { numRuns: 400 },
  )
})

interface Model {
  readonly printed: string
  readonly offeredBytes: number
  readonly asked: number
}

/** What one execution's messages break of the promises. */
function problemsOf(
  own: readonly ExecutorMessage[],
  { printed, offeredBytes, asked }: Model,
  { hasEnded, isLossless }: { hasEnded: boolean; isLossless: boolean },
): string[] {
  const received = own.map((message) => (message.type === 'output' ? message.text : '')).join('')
  const ends = own.filter(isTerminal)
  const end = ends[0]
  const claims: [name: string, holds: boolean][] = [
    ['each request arrives', own.filter(({ type }) => type === 'input-request').length === asked],
    ['one end', ends.length === (hasEnded ? 1 : 0)],
    ['the end is last', end === undefined || own.at(-1) === end],
    ['output is in order', isSubsequence(received, printed)],
    ['mode block loses nothing', !isLossless || end?.type === 'error' || received === printed],
  ]
  if (end !== undefined) {
    const { bytes, droppedBytes } = end.output
    claims.push(['sent bytes are counted', bytes === Buffer.byteLength(received)])
    claims.push(['counters add up', bytes + droppedBytes === offeredBytes])
    claims.push(['nothing is lost uncounted', droppedBytes > 0 || received === printed])
  }
  return claims.flatMap(([name, holds]) => (holds ? [] : [name]))
}

function idsOf(sent: readonly ExecutorMessage[], executionId: string): number[] {
  return sent.flatMap((message) => {
    return message.type === 'input-request' && message.executionId === executionId
      ? [Number(message.inputId.slice(1))]
      : []
  })
}

function isSubsequence(part: string, whole: string): boolean {
  let from = 0
  for (const character of part) {
    from = whole.indexOf(character, from) + 1
    if (from === 0) return false
  }
  return true
}
