import type { Clock } from '@capsule/core'
import { type Executor, executorErrors, type InputRequests, type OrderedMessage } from '@capsule/executor'
import type { Completion, Engine, PreparedCell } from '@capsule/namespace'
import type { CancelMessage, ExecuteMessage, InspectAnswer, InspectQuery, WireError } from '@capsule/protocol'
import { disposedError, droppedError, toWireError } from './harness-errors.ts'
import { type Ending, terminalOf } from './terminal.ts'

// cells share globalThis with this code and may replace it
const scheduleImmediate = setImmediate

export interface AsyncExecutorOptions {
  readonly engine: Engine
  /** The one function through which uncaught errors and terminal messages leave; output counters are not filled in. */
  readonly emit: (message: OrderedMessage) => void
  readonly input: Pick<InputRequests, 'respond' | 'close'>
  readonly clock: Clock
  /** How many cells may run at once. @defaultValue 1 */
  readonly maxConcurrent?: number
  /**
   * Starts accepted cells. It must call `start` once, and may do so at once.
   * @defaultValue setImmediate, so that the acknowledgement of a cell goes out before the cell runs
   */
  readonly schedule?: (start: () => void) => void
  readonly onCredit?: (bytes: number) => void
}

/** One accepted execution. */
export interface AsyncTask {
  readonly executionId: string
  readonly state: 'queued' | 'running'
  /** When it was accepted, in `clock.now()`. */
  readonly acceptedAtMs: number
}

/** The executor on the current event loop. */
export interface AsyncExecutor extends Executor {
  /** What was accepted and has not settled, oldest first. */
  readonly tasks: readonly AsyncTask[]
  isRunning(executionId: string): boolean
  /** Accepts a cell that the engine has prepared already, as a worker does that routes by its mode. */
  executePrepared(prepared: PreparedCell): void
  /** Cancels the newest task; says whether there was one. */
  cancelCurrent(reason?: CancelMessage['reason']): boolean
  /** The engine's `onUncaught`: reports an error to the execution that caused it, else to the last one started. */
  uncaught(executionId: string | undefined, error: WireError): void
  /** Settles a task whose code was terminated from another thread (rung 2). */
  settleTerminated(executionId: string, ending: { status: 'cancelled' | 'timed-out'; error: WireError }): void
  /** The execution that text printed with no known cause belongs to: the last one started. */
  readonly lastExecutionId: string | undefined
}

interface Task {
  readonly executionId: string
  readonly acceptedAtMs: number
  readonly prepare: () => PreparedCell
  startedAtMs: number
  prepared: PreparedCell | undefined
  state: 'queued' | 'running'
  cancelReason: CancelMessage['reason'] | undefined
}

const executorName = 'async'

export function createAsyncExecutor(options: AsyncExecutorOptions): AsyncExecutor {
  return new EventLoopExecutor(options)
}

class EventLoopExecutor implements AsyncExecutor {
  readonly name = executorName
  readonly abilities
  lastExecutionId: string | undefined
  readonly #options: AsyncExecutorOptions
  readonly #maxConcurrent: number
  readonly #tasks = new Map<string, Task>()
  readonly #idle: (() => void)[] = []
  #isDisposed = false

  constructor(options: AsyncExecutorOptions) {
    this.#options = options
    this.#maxConcurrent = options.maxConcurrent ?? 1
    this.abilities = { preemptive: false, syncInput: false, concurrent: this.#maxConcurrent > 1 }
  }

  get tasks(): readonly AsyncTask[] {
    return [...this.#tasks.values()].map(({ executionId, state, acceptedAtMs }) => ({
      executionId,
      state,
      acceptedAtMs,
    }))
  }

  isRunning(executionId: string): boolean {
    return this.#tasks.has(executionId)
  }

  execute(message: ExecuteMessage): void {
    this.#accept(message.executionId, () => this.#options.engine.prepare(message))
  }

  executePrepared(prepared: PreparedCell): void {
    this.#accept(prepared.request.executionId, () => prepared)
  }

  respond(message: Parameters<Executor['respond']>[0]): void {
    this.#options.input.respond(message)
  }

  cancel({ executionId, reason }: Pick<CancelMessage, 'executionId' | 'reason'>): void {
    const task = this.#tasks.get(executionId)
    if (task === undefined) return
    task.cancelReason ??= reason
    switch (task.state) {
      case 'queued':
        return this.#settle(task, { kind: 'stopped', status: reason, rung: 0, error: droppedError(reason) })
      case 'running':
        return this.#options.engine.cancel(executionId, task.cancelReason)
    }
  }

  cancelCurrent(reason: CancelMessage['reason'] = 'cancelled'): boolean {
    const executionId = [...this.#tasks.keys()].at(-1)
    if (executionId === undefined) return false
    this.cancel({ executionId, reason })
    return true
  }

  interrupt(): void {
    for (const executionId of this.#tasks.keys()) this.cancel({ executionId, reason: 'cancelled' })
  }

  // async, so that a failure is a rejection even where the engine throws
  async inspect(query: InspectQuery): Promise<InspectAnswer> {
    try {
      return this.#options.engine.inspect(query)
    } catch (error) {
      return { what: 'failure', error: toWireError(error) }
    }
  }

  credit(bytes: number): void {
    this.#options.onCredit?.(bytes)
  }

  stats() {
    // who can ask is on the thread that runs the cells, so that thread answers
    return {
      executionIds: [...this.#tasks.keys()],
      bindings: this.#options.engine.counters.bindings,
      eventLoopDelayMs: 0,
    }
  }

  drain({ graceMs }: { graceMs: number }): Promise<void> {
    if (this.#tasks.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(graceMs, resolve)
      this.#idle.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  uncaught(executionId: string | undefined, error: WireError): void {
    const cause = executionId ?? this.lastExecutionId
    if (this.#isDisposed || cause === undefined) return
    const late = this.#tasks.has(cause) ? {} : { late: true as const }
    this.#options.emit({ type: 'error', terminal: false, executionId: cause, ...late, error })
  }

  settleTerminated(executionId: string, ending: { status: 'cancelled' | 'timed-out'; error: WireError }): void {
    const task = this.#tasks.get(executionId)
    if (task !== undefined) this.#settle(task, { kind: 'stopped', rung: 2, ...ending })
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const task of this.#tasks.values()) {
      if (task.state === 'running') this.#options.engine.cancel(task.executionId, 'cancelled')
      this.#settle(task, { kind: 'throw', cancelled: false, error: disposedError(executorName) })
    }
    this.#isDisposed = true
    return Promise.resolve()
  }

  #accept(executionId: string, prepare: () => PreparedCell): void {
    if (this.#isDisposed) throw executorErrors.EXECUTOR_DISPOSED({ executor: executorName })
    if (this.#tasks.size >= this.#maxConcurrent || this.#tasks.has(executionId))
      throw executorErrors.EXECUTOR_BUSY({ running: [...this.#tasks.keys()], limit: this.#maxConcurrent })
    const acceptedAtMs = this.#options.clock.now()
    const task: Task = {
      executionId,
      acceptedAtMs,
      prepare,
      startedAtMs: acceptedAtMs,
      prepared: undefined,
      state: 'queued',
      cancelReason: undefined,
    }
    this.#tasks.set(executionId, task)
    const schedule = this.#options.schedule ?? scheduleImmediate
    schedule(() => this.#start(task))
  }

  #start(task: Task): void {
    // settled while queued
    if (this.#tasks.get(task.executionId) !== task) return
    task.state = 'running'
    task.startedAtMs = this.#options.clock.now()
    this.lastExecutionId = task.executionId
    try {
      task.prepared = task.prepare()
      this.#options.engine.start(task.prepared, (completion) => this.#complete(task, completion))
    } catch (error) {
      this.#complete(task, { kind: 'throw', cancelled: false, error: toWireError(error) })
    }
  }

  #complete(task: Task, completion: Completion): void {
    if (completion.kind === 'throw' && completion.cancelled) {
      const status = task.cancelReason ?? 'cancelled'
      this.#settle(task, { kind: 'stopped', status, rung: 1, error: completion.error })
      // a cell that swallowed its cancellation and went on ends as it really did
    } else this.#settle(task, completion)
  }

  /** The only place that ends an execution; the first call for a task decides. */
  #settle(task: Task, ending: Ending): void {
    if (this.#tasks.get(task.executionId) !== task) return
    this.#tasks.delete(task.executionId)
    const { engine, input, clock, emit } = this.#options
    const durationMs = task.state === 'queued' ? 0 : clock.now() - task.startedAtMs
    if (task.state === 'running') engine.finish(task.executionId)
    input.close(task.executionId)
    const { executionId, prepared } = task
    emit(terminalOf({ executionId, prepared, executor: executorName, durationMs }, ending))
    if (this.#tasks.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
