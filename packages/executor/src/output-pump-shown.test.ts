import { creditedBytes, type DisplayMessage, type ProgressMessage } from '@capsule/protocol'
import { createFakeClock } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ExecutorMessage } from './executor.ts'
import { createOutputPump, type OutputPumpOptions, type OutputPumpSettings } from './output-pump.ts'

function open(settings: Partial<OutputPumpSettings> = {}, options: Partial<OutputPumpOptions> = {}) {
  const sent: ExecutorMessage[] = []
  let isFree = true
  const pump = createOutputPump({
    clock: createFakeClock(),
    send: (message) => {
      sent.push(message)
      return isFree
    },
    settings: {
      backPressure: 'block',
      outputBufferBytes: 1000,
      outputChunkBytes: 250,
      drainTimeoutMs: 1000,
      suppressDrainErrors: false,
      ...settings,
    },
    ...options,
  })
  const seen = (): (string | number)[] =>
    sent.splice(0).map((message) => {
      if (message.type === 'output') return message.text
      if (message.type === 'progress') return message.done
      return message.type === 'display' ? message.displayId : message.type
    })
  /** From here on all waits. */
  const stall = (): void => {
    isFree = false
    pump.write('e', 'stdout', 'stall')
    sent.splice(0)
  }
  const free = (): void => {
    isFree = true
    pump.resume()
  }
  return { pump, sent, seen, stall, free }
}

const display = (displayId: string, more: Partial<DisplayMessage> = {}): DisplayMessage => ({
  type: 'display',
  executionId: 'e',
  displayId,
  action: 'show',
  data: { 'a/b': 'x'.repeat(269) },
  ...more,
})
const progress = (done: number, executionId = 'e'): ProgressMessage => ({ type: 'progress', executionId, done })
// 400 bytes each
const partOf = (displayId: string, index: number, count: number): DisplayMessage =>
  display(displayId, { part: { index, count } })

it('keeps displays and progress in order with text', () => {
  const { pump, seen, stall, free } = open()
  stall()
  pump.write('e', 'stdout', 'a')
  pump.show(display('one'))
  pump.write('e', 'stdout', 'b')
  pump.show(progress(1))
  pump.write('e', 'stdout', 'c')
  free()
  expect(seen()).toEqual(['a', 'one', 'b', 1, 'c'])
})

it('joins progress of one execution that has nothing between it', () => {
  const { pump, seen, stall, free } = open()
  stall()
  for (const done of [1, 2, 3]) pump.show(progress(done))
  pump.show(progress(7, 'f'))
  pump.show(progress(4))
  free()
  expect(seen()).toEqual([3, 7, 4])
})

it('spends credit on them, and waits for it', () => {
  const { pump, seen } = open({}, { windowBytes: 500 })
  for (const id of ['one', 'two', 'three']) expect(pump.show(display(id))).toBe('accepted')
  expect(seen()).toEqual(['one', 'two'])
  pump.credit(200)
  expect(seen()).toEqual([])
  pump.credit(200)
  expect(seen()).toEqual(['three'])
  expect(pump.counters.bytes).toBe(3 * creditedBytes(display('one')))
})

it('refuses a display without room in the modes that do, and never progress', () => {
  for (const [backPressure, outcome] of [
    ['block', 'full'],
    ['error', 'overflow'],
  ] as const) {
    const { pump, stall } = open({ backPressure })
    stall()
    expect([pump.show(display('one')), pump.show(display('two')), pump.show(display('three'))]).toEqual([
      'accepted',
      'accepted',
      outcome,
    ])
    expect(pump.show(progress(1))).toBe('accepted')
  }
})

it.each(['drop-new', 'drop-oldest'] as const)('drops a display with all its parts in mode %s', (backPressure) => {
  const { pump, sent, stall, free } = open({ backPressure })
  stall()
  pump.show(display('one'))
  for (const index of [0, 1, 2]) pump.show(partOf('two', index, 3))
  pump.show(display('small', { data: {} }))
  pump.show(partOf('three', 2, 3))
  free()
  const shown = sent.map((message) => message.type === 'display' && [message.displayId, message.part?.index])
  expect(shown.slice(0, 3)).toEqual([
    ['one', undefined],
    ['two', 0],
    ['small', undefined],
  ])
  expect(pump.counters.droppedBytes).toBeGreaterThanOrEqual(800)
})

it('drops the oldest text for a display, not the display', () => {
  const { pump, seen, stall, free } = open({ backPressure: 'drop-oldest' })
  stall()
  pump.write('e', 'stdout', 'x'.repeat(700))
  pump.show(display('one'))
  free()
  expect(seen().at(-1)).toBe('one')
  expect(pump.counters.droppedBytes).toBeGreaterThanOrEqual(100)
})

it('says nothing of the progress of a settled execution, and marks its displays as late', () => {
  const { pump, sent, stall } = open()
  stall()
  const rest = { cell: 1, mode: 'simple', executor: 't', durationMs: 0, text: '' } as const
  pump.send({ type: 'result', executionId: 'e', ...rest })
  pump.show(progress(1))
  pump.show(display('one'))
  pump.resume()
  pump.resume()
  expect(sent.map((message) => [message.type, 'late' in message])).toEqual([
    ['result', false],
    ['display', true],
  ])
})

it('stays bounded and in order in any interleaving', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ kind: fc.constant('display' as const) }),
    fc.record({ kind: fc.constant('progress' as const) }),
    fc.record({ kind: fc.constant('credit' as const), bytes: fc.integer({ min: 1, max: 600 }) }),
  )
  const modes = fc.constantFrom('block' as const, 'drop-new' as const, 'drop-oldest' as const, 'error' as const)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), modes, (steps, backPressure) => {
      const { pump, sent } = open({ backPressure }, { windowBytes: 300 })
      let grantedBytes = 300
      let last = 0
      for (const [index, one] of steps.entries()) {
        if (one.kind === 'write') pump.write('e', 'stdout', 'x'.repeat(one.length))
        else if (one.kind === 'display') pump.show(display(`${index}`))
        else if (one.kind === 'progress') pump.show(progress((last = index)))
        else {
          grantedBytes += one.bytes
          pump.credit(one.bytes)
        }
        // the buffer, one display and one report more
        expect(pump.queuedBytes).toBeLessThanOrEqual(1000 + 400 + 128)
        const spent = sent.reduce((sum, message) => sum + creditedBytes(message as DisplayMessage), 0)
        expect(spent).toBeLessThan(grantedBytes + 400)
      }
      pump.credit(1e9)
      expect(pump.queuedBytes).toBe(0)
      const order = sent.flatMap((message) =>
        message.type === 'progress' ? [message.done] : message.type === 'display' ? [Number(message.displayId)] : [],
      )
      expect(order).toEqual(order.toSorted((a, b) => a - b))
      const reports = sent.filter((message) => message.type === 'progress')
      expect(reports.at(-1)?.done ?? 0).toBe(last)
    }),
    { numRuns: 300 },
  )
})
