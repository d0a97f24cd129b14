import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { type CellEngine, type CellRunnerOptions, createCellRunner } from './cell-runner.ts'
import type { OrderedMessage } from './output-pump.ts'

const value = { kind: 'value', text: '1', truncated: false } as const

function open(parts: Partial<CellEngine & Pick<CellRunnerOptions, 'executorOf'>> = {}) {
  const emitted: OrderedMessage[] = []
  const { executorOf = () => 'test', ...engine } = parts
  const runner = createCellRunner({
    engine: {
      prepare: (request) => ({ request, cell: 1, mode: 'simple' }),
      start: (_, settled) => settled(value),
      cancel: () => {},
      finish: () => {},
      ...engine,
    },
    emit: (message) => void emitted.push(message),
    input: { close: () => {} },
    clock: createFakeClock(),
    executorOf,
  })
  const run = (executionId: string) => runner.accept({ type: 'execute', executionId, code: '' }).start()
  return { runner, emitted, run }
}

const fail = (): never => {
  throw new Error('broken')
}

it.each([
  ['cannot be prepared', { prepare: fail }],
  ['cannot be started', { start: fail }],
  ['has no executor', { executorOf: fail }],
])('ends a cell that %s, and takes the next', (_, parts) => {
  const { runner, emitted, run } = open(parts)
  run('e1')
  run('e2')
  expect(emitted).toMatchObject([
    { type: 'error', terminal: true, executionId: 'e1', status: 'error' },
    { type: 'error', terminal: true, executionId: 'e2', status: 'error' },
  ])
  expect(runner.tasks).toEqual([])
})

it('ends a cell although the engine cannot finish it', () => {
  const { emitted, run } = open({ finish: fail })
  run('e1')
  expect(emitted).toMatchObject([
    { type: 'error', terminal: false, executionId: 'e1', error: { message: 'broken' } },
    { type: 'result', executionId: 'e1' },
  ])
})

it('reports an uncaught error to the execution that caused it, else to the last one started', () => {
  const { runner, emitted, run } = open({
    start: ({ request }, settled) => request.executionId === 'e1' && settled(value),
  })
  const error = { name: 'Error', message: 'boom' }
  runner.uncaught(undefined, error)
  run('e1')
  run('e2')
  runner.uncaught('e1', error)
  runner.uncaught('e2', error)
  runner.uncaught(undefined, error)
  expect(emitted.slice(1)).toEqual([
    { type: 'error', terminal: false, executionId: 'e1', late: true, error },
    { type: 'error', terminal: false, executionId: 'e2', error },
    { type: 'error', terminal: false, executionId: 'e2', error },
  ])
})
