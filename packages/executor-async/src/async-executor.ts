import type { Clock } from '@capsule/core'
import {
  chooseRoute,
  createCellRunner,
  type Executor,
  type HostRequests,
  type OrderedMessage,
  type ProgressReports,
  type Task,
} from '@capsule/executor'
import { type Engine, toWireError } from '@capsule/namespace'
import type { CancelMessage, ExecuteMessage, InspectAnswer, InspectQuery, WireError } from '@capsule/protocol'

// cells share globalThis with this code and may replace it
const scheduleImmediate = setImmediate
const { memoryUsage } = process

export interface AsyncExecutorOptions {
  readonly engine: Engine
  /** The one function through which uncaught errors and terminal messages leave; output counters are not filled in. */
  readonly emit: (message: OrderedMessage) => void
  readonly requests: Pick<HostRequests, 'respond' | 'grant' | 'close'>
  /** Told when an execution ends. */
  readonly progress?: Pick<ProgressReports, 'close'>
  readonly clock: Clock
  /** How many cells may run at once. @defaultValue 1 */
  readonly maxConcurrent?: number
  /**
   * Starts accepted cells. It must call `start` once, and may do so at once.
   * @defaultValue setImmediate, so that the acknowledgement of a cell goes out before the cell runs
   */
  readonly schedule?: (start: () => void) => void
  /** Called before a cell runs that may block this thread. */
  readonly beforeBlocking?: () => void
  readonly onCredit?: (bytes: number) => void
}

/** The executor on the current event loop. */
export interface AsyncExecutor extends Executor {
  /** What was accepted and has not settled, oldest first. */
  readonly tasks: readonly Task[]
  isRunning(executionId: string): boolean
  /** Cancels the newest task; says whether there was one. */
  cancelCurrent(reason?: CancelMessage['reason']): boolean
  /** The engine's `onUncaught`: reports an error to the execution that caused it, else to the last one started. */
  uncaught(executionId: string | undefined, error: WireError): void
  /** The execution that text printed with no known cause belongs to: the last one started. */
  readonly lastExecutionId: string | undefined
}

const name = 'async'

export function createAsyncExecutor(options: AsyncExecutorOptions): AsyncExecutor {
  const { engine, requests, clock, emit, maxConcurrent = 1, schedule = scheduleImmediate, onCredit } = options
  const runner = createCellRunner({
    engine,
    emit,
    requests,
    progress: options.progress,
    clock,
    maxConcurrent,
    executorOf: ({ route }, mode) => {
      if (mode !== 'simple') options.beforeBlocking?.()
      return chooseRoute({ mode, route, available: [name] })
    },
  })
  return {
    name,
    abilities: { preemptive: false, syncInput: false, concurrent: maxConcurrent > 1 },
    get tasks() {
      return runner.tasks
    },
    get lastExecutionId() {
      return runner.lastExecutionId
    },
    isRunning: (executionId) => runner.isRunning(executionId),
    uncaught: (executionId, error) => runner.uncaught(executionId, error),
    execute(message: ExecuteMessage) {
      const { start } = runner.accept(message)
      schedule(start)
    },
    respond: (message) => void requests.respond(message),
    grant: (manifest) => requests.grant(manifest),
    cancel: ({ executionId, reason }: CancelMessage) => runner.cancel(executionId, reason),
    cancelCurrent(reason = 'cancelled') {
      const newest = runner.tasks.at(-1)
      if (newest !== undefined) runner.cancel(newest.executionId, reason)
      return newest !== undefined
    },
    interrupt() {
      engine.abandonRestore()
      for (const { executionId } of runner.tasks) runner.cancel(executionId, 'cancelled')
    },
    inspect: (query) => inspect(engine, query),
    capture: async (options) => engine.capture(options),
    restore: (payload, mode) => new Promise((resolve) => engine.restore(payload, mode, resolve)),
    reset: () => new Promise((done) => engine.reset({ critical: (fn) => fn(), done })),
    credit: (bytes) => onCredit?.(bytes),
    stats: () => ({
      executionIds: runner.tasks.map(({ executionId }) => executionId),
      bindings: engine.counters.bindings,
      heapUsedBytes: memoryUsage().heapUsed,
      // who can ask is on the thread that runs the cells, so that thread answers
      eventLoopDelayMs: 0,
    }),
    drain: ({ graceMs }) => settledWithin(runner.idle(), graceMs, clock),
    [Symbol.asyncDispose]() {
      runner.dispose()
      return Promise.resolve()
    },
  }
}

/** Resolves when the promise does, or after the grace. */
export function settledWithin(promise: Promise<void>, graceMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(graceMs, resolve)
    void promise.then(() => {
      timer.cancel()
      resolve()
    })
  })
}

// async, so that a failure of the engine is an answer and never a throw
async function inspect(engine: Engine, query: InspectQuery): Promise<InspectAnswer> {
  try {
    return engine.inspect(query)
  } catch (error) {
    return { what: 'failure', error: toWireError(error) }
  }
}
