import { createFakeClock } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { type CellEngine, type CellRunnerOptions, createCellRunner } from './cell-runner.ts'
import type { OrderedMessage } from './output-pump.ts'

const value = { kind: 'value', text: '1', truncated: false } as const

type Parts = Partial<CellEngine & Pick<CellRunnerOptions, 'executorOf' | 'maxConcurrent' | 'terminations'>>

function open(parts: Parts = {}) {
  const emitted: OrderedMessage[] = []
  const { executorOf = () => 'test', maxConcurrent = 1, terminations = () => 0, ...engine } = parts
  const runner = createCellRunner({
    engine: {
      prepare: (request) => ({ request, cell: 1, mode: 'simple' }),
      start: (_, settled) => settled(value),
      cancel: () => {},
      finish: () => {},
      ...engine,
    },
    emit: (message) => void emitted.push(message),
    requests: { close: () => {} },
    clock: createFakeClock(),
    executorOf,
    maxConcurrent,
    terminations,
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

describe('several cells at once', () => {
  /** Cells that go on until something ends them. */
  function openSeveral() {
    const started: string[] = []
    let count = 0
    const bench = open({
      maxConcurrent: 4,
      terminations: () => count,
      start: ({ request }) => void started.push(request.executionId),
    })
    return { ...bench, started, terminate: () => ++count }
  }

  it('takes as many as it may run', () => {
    const { run } = openSeveral()
    for (const id of ['e1', 'e2', 'e3', 'e4']) run(id)
    expect(() => run('e5')).toThrow(expect.objectContaining({ code: 'EXECUTOR_BUSY' }))
  })

  it('ends with the one that is terminated those that a termination can have hit, and no others', () => {
    const { runner, emitted, run, terminate } = openSeveral()
    for (const id of ['e1', 'e2']) run(id)
    const count = terminate()
    run('started behind it')
    runner.accept({ type: 'execute', executionId: 'not started', code: '' })
    runner.settleTerminated('e1', 'cancelled', count)
    expect(emitted).toMatchObject([
      { executionId: 'e1', status: 'cancelled', rung: 2, tainted: true },
      { executionId: 'e2', status: 'error', tainted: true, error: { code: 'EXECUTION_INTERRUPTED' } },
    ])
    expect(runner.tasks.map(({ executionId }) => executionId)).toEqual(['started behind it', 'not started'])
  })

  it('ends the others also when the one that is terminated has ended by itself', () => {
    const { runner, emitted, run, terminate } = openSeveral()
    run('e1')
    runner.settleTerminated('ended before', 'cancelled', terminate())
    expect(emitted).toMatchObject([{ executionId: 'e1', error: { code: 'EXECUTION_INTERRUPTED' } }])
  })

  it('ends as cancelled what is about to be cancelled when it is hit', () => {
    const { runner, emitted, run, terminate } = openSeveral()
    for (const id of ['e1', 'e2']) run(id)
    runner.expectCancel('e2', 'timed-out')
    runner.settleTerminated('e1', 'cancelled', terminate())
    expect(emitted).toMatchObject([
      { executionId: 'e1', status: 'cancelled', rung: 2 },
      { executionId: 'e2', status: 'timed-out', rung: 2, error: { code: 'TIMED_OUT' } },
    ])
  })

  it('starts what a termination kept from starting, and starts it once', () => {
    const { runner, run, started } = openSeveral()
    run('e1')
    const { start } = runner.accept({ type: 'execute', executionId: 'e2', code: '' })
    runner.startQueued()
    start()
    expect(started).toEqual(['e1', 'e2'])
  })

  it('leaves one behind without harm to the others', () => {
    const { runner, emitted, run } = openSeveral()
    for (const id of ['e1', 'e2']) run(id)
    runner.settleAbandoned('e1', 'cancelled')
    expect(emitted).toMatchObject([{ executionId: 'e1', status: 'cancelled', rung: 1 }])
    expect(emitted[0]).not.toHaveProperty('tainted')
    expect(runner.isRunning('e2')).toBe(true)
  })
})
