import type { OrderedMessage } from '@capsule/executor'
import type { Completion, Engine } from '@capsule/namespace'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { createAsyncExecutor } from './async-executor.ts'

const value = { kind: 'value', text: '1', truncated: false } as const

function open({ maxConcurrent = 1 } = {}) {
  const emitted: OrderedMessage[] = []
  const starts: (() => void)[] = []
  const settle = new Map<string, (completion: Completion) => void>()
  const calls: string[] = []
  const engine = {
    prepare: (request) => ({ request, cell: 1, mode: 'simple' }),
    start: ({ request }, settled) => void settle.set(request.executionId, settled),
    cancel: (executionId, reason) => void calls.push(`${reason} ${executionId}`),
    finish: (executionId) => void calls.push(`finish ${executionId}`),
    inspect: () => {
      throw new Error('broken')
    },
    abandonRestore: () => {},
    counters: { bindings: 3 } as Engine['counters'],
  } as Partial<Engine> as Engine
  const clock = createFakeClock()
  const executor = createAsyncExecutor({
    engine,
    clock,
    maxConcurrent,
    emit: (message) => void emitted.push(message),
    requests: {
      respond: () => false,
      grant: () => {},
      close: (executionId) => void calls.push(`close ${executionId}`),
    },
    schedule: (start) => void starts.push(start),
  })
  const execute = (executionId: string) => executor.execute({ type: 'execute', executionId, code: '' })
  const runNext = () => starts.shift()?.()
  return { executor, emitted, settle, calls, execute, runNext }
}

const cancel = (executionId: string) =>
  ({ type: 'cancel', executionId, reason: 'cancelled', cooperativeMs: 0 }) as const

it('drops a queued cell on cancel (rung 0) and never starts it', () => {
  const bench = open()
  bench.execute('e1')
  bench.executor.cancel(cancel('e1'))
  bench.runNext()
  expect(bench.emitted).toMatchObject([{ status: 'cancelled', rung: 0, cell: 0, durationMs: 0 }])
  expect(bench.settle.size).toBe(0)
})

it('settles once and tells engine and input first', () => {
  const bench = open()
  bench.execute('e1')
  bench.runNext()
  bench.settle.get('e1')?.(value)
  bench.settle.get('e1')?.(value)
  expect(bench.emitted).toMatchObject([{ type: 'result', executor: 'async', text: '1' }])
  expect(bench.calls).toEqual(['finish e1', 'close e1'])
})

it('runs as many cells as it may, and cancels the newest first', () => {
  const bench = open({ maxConcurrent: 2 })
  for (const id of ['e1', 'e2']) bench.execute(id)
  expect(() => bench.execute('e3')).toThrow('limit 2')
  bench.runNext()
  bench.runNext()
  expect(bench.executor.stats()).toEqual({
    executionIds: ['e1', 'e2'],
    bindings: 3,
    heapUsedBytes: expect.any(Number),
    eventLoopDelayMs: 0,
  })
  expect(bench.executor.cancelCurrent('timed-out')).toBe(true)
  bench.executor.interrupt({ type: 'interrupt', cooperativeMs: 0 })
  expect(bench.calls).toEqual(['timed-out e2', 'cancelled e1', 'timed-out e2'])
})

it('ends what is left when it is disposed, and refuses more', async () => {
  const bench = open()
  bench.execute('e1')
  bench.runNext()
  const drained = bench.executor.drain({ graceMs: 1000 })
  await bench.executor[Symbol.asyncDispose]()
  await drained
  bench.settle.get('e1')?.(value)
  expect(bench.emitted).toMatchObject([{ type: 'error', terminal: true, error: { code: 'EXECUTOR_DISPOSED' } }])
  expect(() => bench.execute('e2')).toThrow('disposed')
  expect(bench.executor.cancelCurrent()).toBe(false)
})

it('answers a failing inspect with the failure', async () => {
  const answer = await open().executor.inspect({ what: 'namespace' })
  expect(answer).toMatchObject({ what: 'failure', error: { message: 'broken' } })
})
