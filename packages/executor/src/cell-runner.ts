import type { Clock } from '@capsule/core'
import type { CancelMessage, CellMode, ExecuteMessage, TransactionReport, WireError } from '@capsule/protocol'
import { executorErrors } from './errors.ts'
import { disposedError, droppedError, failureOf, interruptedError } from './harness-errors.ts'
import type { OrderedMessage } from './output-pump.ts'
import { type Ending, terminalOf } from './terminal.ts'

/** A cell that the engine has compiled and numbered. */
export interface PreparedCell {
  readonly request: { readonly executionId: string }
  readonly cell: number
  readonly mode: CellMode
}

/** How a cell ended by itself. */
export type Completion =
  | {
      readonly kind: 'value'
      readonly text: string
      readonly value?: Uint8Array | undefined
      readonly truncated: boolean
    }
  /** `cancelled`: the error is the cancellation itself. */
  | { readonly kind: 'throw'; readonly error: WireError; readonly cancelled: boolean }

/** What a runner needs of the engine; `Engine` of the namespace package is one. */
export interface CellEngine {
  prepare(message: ExecuteMessage): PreparedCell
  start(prepared: PreparedCell, settled: (completion: Completion) => void): void
  cancel(executionId: string, reason: CancelMessage['reason']): void
  finish(executionId: string): TransactionReport | undefined
}

export interface CellRunnerOptions {
  readonly engine: CellEngine
  /** The one function through which uncaught errors and terminal messages leave; output counters are not filled in. */
  readonly emit: (message: OrderedMessage) => void
  /** What cells ask of the host ends with them. */
  readonly requests: { close(executionId: string): void }
  /** Sends the last progress of an execution that ends. */
  readonly progress?: { close(executionId: string): void } | undefined
  readonly clock: Clock
  /** Names the executor of a cell once its mode is known. @throws ROUTE_UNAVAILABLE, which ends the cell */
  readonly executorOf: (message: ExecuteMessage, mode: CellMode) => string
  /** How many cells may run at once. @defaultValue 1 */
  readonly maxConcurrent?: number
  /** How often the thread's code has been terminated. @defaultValue never */
  readonly terminations?: () => number
  /** Runs code that may not be terminated in the middle. @defaultValue runs it */
  readonly critical?: <T>(fn: () => T) => T
}

/** One accepted execution. */
export interface Task {
  readonly executionId: string
  readonly state: 'queued' | 'running'
  /** When it was accepted, in `clock.now()`. */
  readonly acceptedAtMs: number
}

/** What every executor does with cells on the thread that runs them: accept, start, settle once, drop, cancel. */
export interface CellRunner {
  /** What was accepted and has not settled, oldest first. */
  readonly tasks: readonly Task[]
  /** The execution that text printed with no known cause belongs to: the last one started. */
  readonly lastExecutionId: string | undefined
  isRunning(executionId: string): boolean
  /** Accepted, and none of its code has run. */
  isQueued(executionId: string): boolean
  /** Takes a cell; it runs when `start` is called. @throws EXECUTOR_BUSY, EXECUTOR_DISPOSED */
  accept(message: ExecuteMessage): { readonly start: () => void }
  /** Drops a queued cell (rung 0), or asks a running one to stop (rung 1). Idempotent. */
  cancel(executionId: string, reason: CancelMessage['reason']): void
  /** `cancel` is going to be called: whatever ends the task until then, it ends as cancelled. */
  expectCancel(executionId: string, reason: CancelMessage['reason']): void
  /** Settles a cancelled task that nothing was terminated for (rung 1): what it left behind is not waited for. */
  settleAbandoned(executionId: string, reason: CancelMessage['reason']): void
  /**
   * Settles a task whose code was terminated from another thread (rung 2), and every other that had started before that
   * termination, the `count`th: its code may have been hit, or its continuation dropped with all microtasks.
   */
  settleTerminated(executionId: string, reason: CancelMessage['reason'], count?: number): void
  /** Starts what was accepted and has not started: a termination may have cut off the call of `start`. */
  startQueued(): void
  /** The engine's `onUncaught`: reports an error to the execution that caused it, else to the last one started. */
  uncaught(executionId: string | undefined, error: WireError): void
  /** Resolves when no task is left. */
  idle(): Promise<void>
  /** Ends what is left with EXECUTOR_DISPOSED and accepts nothing more. */
  dispose(): void
}

interface RunningTask {
  readonly message: ExecuteMessage
  readonly acceptedAtMs: number
  startedAtMs: number
  /** How many terminations there had been when it started. */
  terminationsBefore: number
  prepared: PreparedCell | undefined
  executor: string
  state: 'queued' | 'running'
  cancelReason: CancelMessage['reason'] | undefined
}

export function createCellRunner(options: CellRunnerOptions): CellRunner {
  return new Runner(options)
}

class Runner implements CellRunner {
  lastExecutionId: string | undefined
  readonly #options: CellRunnerOptions
  readonly #critical: <T>(fn: () => T) => T
  readonly #maxConcurrent: number
  readonly #tasks = new Map<string, RunningTask>()
  readonly #idle: (() => void)[] = []
  #isDisposed = false

  constructor(options: CellRunnerOptions) {
    this.#options = options
    this.#critical = options.critical ?? ((fn) => fn())
    this.#maxConcurrent = options.maxConcurrent ?? 1
  }

  get tasks(): readonly Task[] {
    return [...this.#tasks].map(([executionId, { state, acceptedAtMs }]) => ({ executionId, state, acceptedAtMs }))
  }

  isRunning(executionId: string): boolean {
    return this.#tasks.has(executionId)
  }

  isQueued(executionId: string): boolean {
    return this.#tasks.get(executionId)?.state === 'queued'
  }

  accept(message: ExecuteMessage): { start: () => void } {
    if (this.#isDisposed) throw executorErrors.EXECUTOR_DISPOSED({ executor: 'cell' })
    const { executionId } = message
    if (this.#tasks.size >= this.#maxConcurrent || this.#tasks.has(executionId)) {
      throw executorErrors.EXECUTOR_BUSY({ running: [...this.#tasks.keys()], limit: this.#maxConcurrent })
    }
    const acceptedAtMs = this.#options.clock.now()
    const task: RunningTask = {
      message,
      acceptedAtMs,
      startedAtMs: acceptedAtMs,
      terminationsBefore: 0,
      prepared: undefined,
      executor: '',
      state: 'queued',
      cancelReason: undefined,
    }
    this.#tasks.set(executionId, task)
    return { start: () => this.#start(task) }
  }

  cancel(executionId: string, reason: CancelMessage['reason']): void {
    const task = this.#tasks.get(executionId)
    if (task === undefined) return
    task.cancelReason ??= reason
    switch (task.state) {
      case 'queued':
        return this.#stop(task, reason, 0)
      case 'running':
        return this.#options.engine.cancel(executionId, task.cancelReason)
    }
  }

  expectCancel(executionId: string, reason: CancelMessage['reason']): void {
    const task = this.#tasks.get(executionId)
    if (task !== undefined) task.cancelReason ??= reason
  }

  settleAbandoned(executionId: string, reason: CancelMessage['reason']): void {
    const task = this.#tasks.get(executionId)
    if (task !== undefined) this.#stop(task, reason, 1)
  }

  settleTerminated(executionId: string, reason: CancelMessage['reason'], count = Infinity): void {
    const task = this.#tasks.get(executionId)
    if (task !== undefined) this.#stop(task, reason, 2)
    for (const other of this.#tasks.values()) {
      if (other.state === 'queued' || other.terminationsBefore >= count) continue
      if (other.cancelReason !== undefined) this.#stop(other, other.cancelReason, 2)
      else this.#settle(other, { kind: 'interrupted', error: interruptedError(executionId) })
    }
  }

  startQueued(): void {
    for (const task of this.#tasks.values()) this.#start(task)
  }

  uncaught(executionId: string | undefined, error: WireError): void {
    const cause = executionId ?? this.lastExecutionId
    if (this.#isDisposed || cause === undefined) return
    const late = this.#tasks.has(cause) ? {} : { late: true as const }
    this.#options.emit({ type: 'error', terminal: false, executionId: cause, ...late, error })
  }

  idle(): Promise<void> {
    if (this.#tasks.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  dispose(): void {
    for (const task of this.#tasks.values()) {
      if (task.state === 'running') this.#options.engine.cancel(task.message.executionId, 'cancelled')
      this.#settle(task, { kind: 'throw', cancelled: false, error: disposedError(task.executor) })
    }
    this.#isDisposed = true
  }

  #start(task: RunningTask): void {
    const { message } = task
    // settled while queued, or started before
    if (task.state !== 'queued' || this.#tasks.get(message.executionId) !== task) return
    const { engine, clock, executorOf, terminations } = this.#options
    if (terminations !== undefined) task.terminationsBefore = terminations()
    task.state = 'running'
    task.startedAtMs = clock.now()
    this.lastExecutionId = message.executionId
    try {
      task.prepared = engine.prepare(message)
      task.executor = executorOf(message, task.prepared.mode)
      engine.start(task.prepared, (completion) => this.#complete(task, completion))
    } catch (error) {
      this.#complete(task, { kind: 'throw', cancelled: false, error: failureOf(error) })
    }
  }

  #stop(task: RunningTask, status: CancelMessage['reason'], rung: 0 | 1 | 2): void {
    this.#settle(task, { kind: 'stopped', status, rung, error: droppedError(status) })
  }

  #complete(task: RunningTask, completion: Completion): void {
    if (completion.kind === 'throw' && completion.cancelled) {
      const status = task.cancelReason ?? 'cancelled'
      this.#settle(task, { kind: 'stopped', status, rung: 1, error: completion.error })
      // a cell that swallowed its cancellation and went on ends as it really did
    } else this.#settle(task, completion)
  }

  /**
   * The only place that ends an execution; the first call for a task decides. Should a termination from another thread cut
   * it off all the same, the task is still there and the next call ends it.
   */
  #settle(task: RunningTask, ending: Ending): void {
    this.#critical(() => {
      const { message, prepared, executor, state, startedAtMs } = task
      const { executionId } = message
      if (this.#tasks.get(executionId) !== task) return
      const { requests, progress, clock, emit } = this.#options
      const durationMs = state === 'queued' ? 0 : clock.now() - startedAtMs
      const transaction = state === 'running' ? this.#finish(executionId) : undefined
      requests.close(executionId)
      progress?.close(executionId)
      emit(terminalOf({ executionId, prepared, executor, durationMs, transaction }, ending))
      this.#tasks.delete(executionId)
    })
    if (this.#tasks.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** A failure of the engine is told, and never keeps the execution from ending. */
  #finish(executionId: string): TransactionReport | undefined {
    try {
      return this.#options.engine.finish(executionId)
    } catch (error) {
      this.uncaught(executionId, failureOf(error))
      return undefined
    }
  }
}
