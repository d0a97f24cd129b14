import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { ExecutorMessage } from '@capsule/executor'
import { defaultWorkerSettings, type WorkerSettings } from '@capsule/protocol'
import { createFakeClock, createRecorder, waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createThreadedExecutor } from './control-side.ts'
import type { Envelope, InboxMessage } from './inbox.ts'
import { createOutbox, type OutboxMessage } from './outbox.ts'
import { createRingWriter, textFlag } from './ring.ts'
import { createSharedMemory, openSharedMemory, word } from './shared-state.ts'

interface OpenOptions {
  readonly settings?: Partial<WorkerSettings>
  readonly windowBytes?: number
  readonly maxConcurrent?: number
}

/** The control side with a user side that does what the test says. */
function open({ settings, windowBytes = Infinity, maxConcurrent = 1 }: OpenOptions = {}) {
  const shared = openSharedMemory(createSharedMemory())
  const { port1, port2 } = new MessageChannel()
  const clock = createFakeClock()
  const sent = createRecorder<ExecutorMessage>()
  const terminations: ((error: Error | null) => void)[] = []
  const whenSent: (() => void)[] = []
  const executor = createThreadedExecutor({
    shared,
    port: port1,
    settings: { ...defaultWorkerSettings, ...settings },
    clock,
    windowBytes,
    maxConcurrent,
    send(message) {
      sent.record(message)
      return true
    },
    whenSent: (callback) => void whenSent.push(callback),
    terminator: { terminate: (done) => void terminations.push(done), [Symbol.dispose]: () => {} },
  })
  onTestFinished(async () => {
    await executor[Symbol.asyncDispose]()
    port1.close()
  })
  const ring = createRingWriter(shared)
  const put = createOutbox(ring, port2)
  return {
    executor,
    shared,
    clock,
    sent,
    terminations,
    whenSent,
    print: (text: string, flags = 0, executionId = 'e') => ring.writeText(executionId, flags, text),
    put: (message: OutboxMessage) => {
      put(message)
      if (message.type !== 'result') return
      Atomics.add(shared.words, word.terminals, 1)
      Atomics.notify(shared.words, word.terminals)
    },
    /** What has come into the inbox; all of it is taken care of. */
    takeIn: (): InboxMessage[] => {
      const taken: InboxMessage[] = []
      for (let next = receiveMessageOnPort(port2); next !== undefined; next = receiveMessageOnPort(port2)) {
        const { sequence, inbox } = next.message as Envelope
        Atomics.store(shared.words, word.inboxDone, sequence)
        taken.push(inbox)
      }
      return taken
    },
    printed: () => sent.values.map((message) => (message.type === 'output' ? message.text : '')).join(''),
  }
}

const result = (executionId: string): OutboxMessage => ({
  type: 'result',
  executionId,
  cell: 1,
  mode: 'simple',
  executor: 'threaded',
  durationMs: 1,
  text: '1',
})
const execute = (executionId: string) => ({ type: 'execute', executionId, code: '1' }) as const
const isEnd = (message: ExecutorMessage): boolean => message.type === 'result'

it('configures the user side first, and says when it is', async () => {
  const { executor, takeIn, put } = open({ settings: { textLength: 7 } })
  expect(takeIn()).toMatchObject([{ type: 'configure', settings: { textLength: 7 } }])
  put({ type: 'configured' })
  await waitFor(executor.configured)
})

it('hands on what the user side says, in order, the end last and counted', async () => {
  const { executor, takeIn, print, put, sent } = open()
  executor.execute(execute('e'))
  expect(takeIn().at(-1)).toEqual({ type: 'execute', message: execute('e') })
  expect(executor.stats().executionIds).toEqual(['e'])
  print('out')
  print('err', textFlag.stderr)
  print('late', textFlag.late, 'before')
  put(result('e'))
  await sent.waitFor(isEnd)
  expect(sent.values).toMatchObject([
    { type: 'output', executionId: 'e', stream: 'stdout', text: 'out' },
    { type: 'output', executionId: 'e', stream: 'stderr', text: 'err' },
    { type: 'output', executionId: 'before', text: 'late', late: true },
    { type: 'result', executionId: 'e', output: { bytes: 6, droppedBytes: 0 } },
  ])
  expect(executor.stats().executionIds).toEqual([])
})

it('refuses a second cell until the first has ended', async () => {
  const { executor, put, sent } = open()
  executor.execute(execute('e'))
  expect(() => executor.execute(execute('f'))).toThrow(expect.objectContaining({ code: 'EXECUTOR_BUSY' }))
  put(result('e'))
  await sent.waitFor(isEnd)
  executor.execute(execute('f'))
})

it('takes as many cells as it may run, says which, and what it cannot do then', async () => {
  const { executor, takeIn, put, sent } = open({ maxConcurrent: 2 })
  expect(executor.abilities).toEqual({ preemptive: true, syncInput: false, concurrent: true })
  expect(takeIn()).toMatchObject([{ type: 'configure', maxConcurrent: 2 }])
  executor.execute(execute('e'))
  executor.execute(execute('f'))
  expect(() => executor.execute(execute('g'))).toThrow(
    expect.objectContaining({ code: 'EXECUTOR_BUSY', details: { running: ['e', 'f'], limit: 2 } }),
  )
  put(result('e'))
  await sent.waitFor(isEnd)
  expect(executor.stats().executionIds).toEqual(['f'])
  executor.execute(execute('g'))
})

it('drops a cell that the user side has not heard of, and takes its second end for none', async () => {
  const { executor, takeIn, put, sent, clock, terminations } = open({ maxConcurrent: 2 })
  executor.execute(execute('e'))
  takeIn()
  executor.execute(execute('f'))
  executor.cancel({ type: 'cancel', executionId: 'f', reason: 'timed-out', cooperativeMs: 10 })
  const dropped = { type: 'error', executionId: 'f', status: 'timed-out', rung: 0, error: { code: 'TIMED_OUT' } }
  expect(sent.values).toMatchObject([dropped])
  clock.advance(100)
  expect(terminations).toEqual([])
  executor.execute(execute('g'))
  // what it hears then, in this order
  expect(takeIn().map(({ type }) => type)).toEqual(['execute', 'cancel', 'execute'])
  put(result('f'))
  put(result('e'))
  await sent.waitFor(isEnd)
  expect(sent.values).toMatchObject([dropped, { type: 'result', executionId: 'e' }])
})

it('hands on one end of an execution, however often the user side tells it', async () => {
  const { executor, print, put, sent } = open()
  executor.execute(execute('e'))
  put(result('e'))
  await sent.waitFor(isEnd)
  put(result('e'))
  print('after', textFlag.late)
  await sent.waitFor((message) => message.type === 'output')
  expect(sent.values.map(({ type }) => type)).toEqual(['result', 'output'])
})

it('fetches a large message from the port at its place', async () => {
  const { executor, print, put, sent } = open()
  executor.execute(execute('e'))
  print('before')
  put({ ...result('e'), value: new Uint8Array(100_000).fill(3) } as OutboxMessage)
  print('after', textFlag.late)
  await sent.waitFor((message) => message.type === 'output' && message.text === 'after')
  expect(sent.values.map(({ type }) => type)).toEqual(['output', 'result', 'output'])
  expect(sent.values[1]).toMatchObject({ value: new Uint8Array(100_000).fill(3) })
})

it.each(['block', 'drop-new', 'drop-oldest', 'error'] as const)(
  'reads every record once, whatever room comes while it reads (%s)',
  async (backPressure) => {
    const settings = { backPressure, outputBufferBytes: 4000, outputChunkBytes: 500 }
    const bench = open({ windowBytes: 1000, settings })
    bench.executor.execute(execute('e'))
    const lines = Array.from({ length: 200 }, (_, index) => `${String(index).padEnd(99, '.')}\n`)
    for (const line of lines) bench.print(line)
    bench.put(result('e'))
    await bench.sent.waitFor((message) => message.type === 'output')
    bench.executor.credit(1e6)
    const end = await bench.sent.waitFor(isEnd)
    if (end.type !== 'result') throw new Error('not a result')
    expect(end.output.bytes + end.output.droppedBytes).toBe(200 * 100)
    expect(bench.printed()).toHaveLength(end.output.bytes)
    const isComplete = backPressure === 'block' || backPressure === 'error'
    expect(bench.printed() === lines.join('')).toBe(isComplete)
    expect(bench.sent.values.filter(isEnd)).toHaveLength(1)
  },
)

it('fetches the end behind output that nobody takes, so that the drain deadline runs', async () => {
  const settings = { outputBufferBytes: 4000, drainTimeoutMs: 50 }
  const { executor, print, put, sent, clock } = open({ windowBytes: 1000, settings })
  executor.execute(execute('e'))
  for (let index = 0; index < 200; index++) print('x'.repeat(100))
  await sent.waitFor((message) => message.type === 'output')
  put(result('e'))
  await waitFor(clock.timerSet(), { what: 'the drain deadline' })
  clock.advance(50)
  expect(sent.values.at(-1)).toMatchObject({
    type: 'error',
    terminal: true,
    error: { code: 'OUTPUT_NOT_DRAINED' },
    output: { bytes: 1000, droppedBytes: 19_000 },
  })
})

it('takes in what is behind a full buffer when a cancel needs it', async () => {
  const settings = { outputBufferBytes: 4000 }
  const { executor, print, put, sent, clock, terminations, shared } = open({ windowBytes: 1000, settings })
  executor.execute(execute('e'))
  for (let index = 0; index < 200; index++) print('x'.repeat(100))
  await sent.waitFor((message) => message.type === 'output')
  // committed, and not told of: as between the commit and the notification
  Atomics.sub(shared.words, word.terminals, 1)
  put(result('e'))
  executor.cancel({ type: 'cancel', executionId: 'e', reason: 'cancelled', cooperativeMs: 0 })
  clock.advance(0)
  expect(executor.stats().executionIds).toEqual([])
  executor.credit(1e6)
  expect(sent.values.at(-1)).toMatchObject({ type: 'result', output: { bytes: 20_000, droppedBytes: 0 } })
  expect(terminations).toHaveLength(0)
  // and goes on reading
  print('late', textFlag.late)
  await sent.waitFor((message) => message.type === 'output' && message.late === true)
})

it('answers inspections, those of terminated code with the failure', async () => {
  const { executor, put, takeIn, clock, terminations } = open()
  takeIn()
  const first = executor.inspect({ what: 'namespace' })
  expect(takeIn()).toEqual([{ type: 'inspect', requestId: 1, query: { what: 'namespace' } }])
  const answer = { what: 'completeness', status: 'complete' } as const
  put({ type: 'answered', requestId: 1, answer })
  expect(await waitFor(first)).toEqual(answer)
  executor.execute(execute('e'))
  const second = executor.inspect({ what: 'namespace' })
  executor.cancel({ type: 'cancel', executionId: 'e', reason: 'timed-out', cooperativeMs: 5 })
  clock.advance(5)
  terminations[0]?.(null)
  expect(await waitFor(second)).toMatchObject({ what: 'failure', error: { code: 'CANCELLED' } })
  expect(takeIn().at(-1)).toEqual({ type: 'terminated', executionId: 'e', reason: 'timed-out', count: 1 })
})

it('asks for snapshots, and has a restore abandoned whose code was terminated', async () => {
  const { executor, put, takeIn, clock, terminations } = open()
  takeIn()
  const capturing = executor.capture({ limitBytes: 1000 })
  expect(takeIn()).toEqual([{ type: 'capture', requestId: 1, limitBytes: 1000 }])
  put({ type: 'answered', requestId: 1, answer: { kind: 'failed', error: { name: 'Error', message: 'broken' } } })
  await expect(waitFor(capturing)).rejects.toThrow('broken')
  const payload = new Uint8Array([1])
  const restoring = executor.restore(payload, 'merge')
  expect(takeIn()).toEqual([{ type: 'restore', requestId: 2, payload, mode: 'merge' }])
  executor.interrupt({ type: 'interrupt', cooperativeMs: 5 })
  clock.advance(5)
  terminations[0]?.(null)
  expect(takeIn()).toContainEqual({ type: 'abandon-restore' })
  put({ type: 'answered', requestId: 2, answer: { kind: 'malformed', problem: 'no' } })
  expect(await waitFor(restoring)).toEqual({ kind: 'malformed', problem: 'no' })
  // nothing is left to abandon
  executor.interrupt({ type: 'interrupt', cooperativeMs: 5 })
  expect(takeIn()).not.toContainEqual({ type: 'abandon-restore' })
})

it('interrupts the cell that runs, else whatever keeps the thread from answering', () => {
  const { executor, takeIn, clock, terminations } = open()
  takeIn()
  executor.interrupt({ type: 'interrupt', cooperativeMs: 20 })
  expect(takeIn()).toEqual([{ type: 'ping' }])
  clock.advance(20)
  expect(terminations).toHaveLength(0)
  executor.interrupt({ type: 'interrupt', cooperativeMs: 20 })
  clock.advance(20)
  expect(terminations).toHaveLength(1)
  executor.execute(execute('e'))
  executor.interrupt({ type: 'interrupt', cooperativeMs: 20 })
  expect(takeIn().at(-1)).toEqual({ type: 'cancel', executionId: 'e', reason: 'cancelled' })
})

it('measures how long the thread has not answered', () => {
  const { executor, takeIn, clock } = open()
  takeIn()
  expect(executor.stats().eventLoopDelayMs).toBe(0)
  clock.advance(70)
  expect(executor.stats().eventLoopDelayMs).toBe(70)
  takeIn()
  expect(executor.stats().eventLoopDelayMs).toBe(0)
})

it('drains: the cell has ended and its output is sent', async () => {
  const { executor, print, put, sent } = open({ windowBytes: 10 })
  executor.execute(execute('e'))
  let isDrained = false
  const drained = executor.drain({ graceMs: 5000 }).then(() => (isDrained = true))
  print('x'.repeat(30))
  put(result('e'))
  await sent.waitFor((message) => message.type === 'output')
  expect(isDrained).toBe(false)
  executor.credit(100)
  await waitFor(drained)
  expect(sent.values.at(-1)?.type).toBe('result')
})

it('drains no longer than the grace', async () => {
  const { executor, clock } = open()
  executor.execute(execute('e'))
  const drained = executor.drain({ graceMs: 100 })
  clock.advance(100)
  expect(await waitFor(drained)).toBeUndefined()
})

it('lets the process exit once all is on the wire', async () => {
  const { executor, print, put, shared, whenSent, sent } = open({ windowBytes: 10 })
  const flushed = () => Atomics.load(shared.words, word.flushed)
  print('x'.repeat(30))
  put({ type: 'flush' })
  await sent.waitFor((message) => message.type === 'output')
  expect(whenSent).toHaveLength(0)
  executor.credit(100)
  // the pump tells it in a later microtask
  await Promise.resolve()
  await Promise.resolve()
  expect(whenSent).toHaveLength(1)
  expect(flushed()).toBe(0)
  whenSent[0]?.()
  expect(flushed()).toBe(1)
})

it('accepts nothing once it is disposed', async () => {
  const { executor } = open()
  const inspection = executor.inspect({ what: 'namespace' })
  await executor[Symbol.asyncDispose]()
  expect(await waitFor(inspection)).toMatchObject({ what: 'failure' })
  expect(() => executor.execute(execute('e'))).toThrow(expect.objectContaining({ code: 'EXECUTOR_DISPOSED' }))
})
