import { type AbortOptions, type CapsuleError, type EventSource, throwIfAborted, withAbort } from '@capsule/core'
import type { BindingSummary, InspectAnswer, InspectQuery } from '@capsule/protocol'
import { sessionErrors } from './errors.ts'
import { CellExecution, type ExecutionPorts } from './execution.ts'
import { ExecutionIds } from './execution-ids.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import { Inspections } from './inspections.ts'
import { createInterceptors, type Interceptors } from './interceptors.ts'
import { MessageRouter } from './message-router.ts'
import { checkExecuteOptions, checkRunOptions, type ResolvedOptions } from './options.ts'
import { outcomeErrorFrom } from './outcome.ts'
import { collect } from './run.ts'
import type {
  ExecuteOptions,
  Execution,
  Outcome,
  RunOptions,
  RunResult,
  Session,
  SessionEvents,
  SessionInfo,
  SessionState,
} from './session.ts'
import { SessionEventEmitter } from './session-events.ts'
import { SessionRecord } from './session-record.ts'
import { withinLimits } from './start-limits.ts'
import { asCapsuleError, WorkerLink } from './worker-link.ts'

/** Workers that die idle, one after the other, with no cell between: after so many the session stops replacing them. */
const idleDeathLimit = 3

/** One worker at a time, one cell at a time; the state says who may end the worker and what follows. */
export class CapsuleSession implements Session {
  readonly sessionId: string
  readonly #options: ResolvedOptions
  readonly #emitter: SessionEventEmitter
  readonly #interceptors: Interceptors | undefined
  readonly #inspections: Inspections
  readonly #executionIds: ExecutionIds
  readonly #ports: ExecutionPorts
  #state: SessionState = 'starting'
  #link: WorkerLink | undefined
  /** On the wire: the caller's cell, or a warm-up. */
  #running: CellExecution | undefined
  /** Waits until the next worker is ready. */
  #queued: CellExecution | undefined
  #isWarmingUp = false
  #restarting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** A death while nothing ran, to be told by the next outcome. */
  #untoldDeath: WorkerDeath | undefined
  #lastDeath: WorkerDeath | undefined
  #crashCause: CapsuleError | undefined
  #idleDeaths = 0
  readonly #record: SessionRecord
  readonly #router: MessageRouter

  constructor(options: ResolvedOptions) {
    this.sessionId = options.sessionId
    this.#options = options
    const { clock, logger, ids, interceptors, cooperativeMs, outputWindowBytes } = options
    this.#record = new SessionRecord(clock)
    this.#emitter = new SessionEventEmitter(logger)
    this.#inspections = new Inspections({ clock, ids })
    this.#executionIds = new ExecutionIds(ids.next('execution'))
    this.#router = new MessageRouter({
      record: this.#record,
      emitter: this.#emitter,
      inspections: this.#inspections,
      executionIds: this.#executionIds,
      running: () => this.#running,
      credit: (bytes) => this.#link?.credit(bytes),
    })
    const onQuarantine = (report: SessionEvents['interceptor-quarantined'][0]): void =>
      this.#emitter.emit('interceptor-quarantined', report)
    this.#interceptors = createInterceptors({ interceptors, clock, logger, onQuarantine })
    this.#ports = {
      clock,
      cooperativeMs,
      outputWindowBytes,
      send: (message) => this.#link?.send(message),
      credit: (bytes) => this.#link?.credit(bytes),
      hold: (bytes) => this.#link?.hold(bytes),
      fence: (fence, onPassed) => (this.#link === undefined ? onPassed() : this.#link.fences.wait(fence, onPassed)),
      kill: () => this.#endWorker(),
      settled: (outcome) => this.#onSettled(outcome),
    }
  }

  get events(): EventSource<SessionEvents> {
    return this.#emitter.source
  }

  /** The first start. */
  async start(): Promise<void> {
    try {
      await this.#startWorker(this.#options.signal)
    } catch (error) {
      this.#setState('closed')
      throw error
    }
    this.#becomeReady()
  }

  execute(code: string, options?: ExecuteOptions): Execution {
    checkExecuteOptions(code, options)
    if (this.#state === 'closed') throw sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
    const other = this.#queued ?? (this.#isWarmingUp ? undefined : this.#running)
    if (other !== undefined) throw sessionErrors.SESSION_BUSY({ executionId: other.executionId })
    const execution = this.#newExecution(code, options)
    const death = this.#untoldDeath
    this.#untoldDeath = undefined
    if (death === undefined && this.#state === 'ready') this.#run(execution)
    else {
      this.#queued = execution
      if (death !== undefined) execution.workerDied(death)
      else if (this.#state === 'crashed') this.#refuseQueued()
      else execution.enqueue()
    }
    this.#record.counters.executions++
    return execution
  }

  async run(code: string, options: RunOptions = {}): Promise<RunResult> {
    checkRunOptions(code, options)
    const { onInput: _onInput, onEvent: _onEvent, maxOutputLength: _maxOutputLength, ...executeOptions } = options
    return collect(this.execute(code, executeOptions), options)
  }

  async interrupt({ graceMs = this.#options.graceMs }: { graceMs?: number } = {}): Promise<void> {
    this.#assertOpen()
    if (this.#state !== 'ready' && this.#state !== 'busy') return
    const message = { type: 'interrupt', cooperativeMs: this.#options.cooperativeMs } as const
    const running = this.#running
    if (running === undefined) return this.#link?.send(message)
    running.stop('cancelled', graceMs, message)
    await running.settlement
  }

  async inspect(query: InspectQuery, options: AbortOptions & { timeoutMs?: number } = {}): Promise<InspectAnswer> {
    throwIfAborted(options.signal, 'inspect')
    this.#assertOpen()
    if (this.#restarting !== undefined) await withAbort(this.#restarting, options.signal, 'inspect')
    this.#assertOpen()
    if (this.#state === 'crashed' && this.#crashCause !== undefined) throw this.#crashCause
    return this.#inspections.ask(query, options, (message) => this.#link?.send(message))
  }

  async bindings(options: AbortOptions = {}): Promise<readonly BindingSummary[]> {
    const answer = await this.inspect({ what: 'namespace' }, options)
    if (answer.what === 'namespace') return answer.bindings
    const message = answer.what === 'failure' ? answer.error.message : `the worker answered ${answer.what}`
    throw sessionErrors.INSPECT_FAILED({ message })
  }

  async restart({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'restart')
    this.#assertOpen()
    this.#untoldDeath = undefined
    this.#idleDeaths = 0
    await withAbort(this.#replaceWorker(), signal, 'restart')
  }

  shutdown({ graceMs = this.#options.shutdownGraceMs }: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  info(): SessionInfo {
    const { sessionId } = this
    return this.#record.info(
      { sessionId, state: this.#state, isolation: this.#options.isolation },
      this.#link?.transport,
    )
  }

  #newExecution(code: string, options: ExecuteOptions = {}): CellExecution {
    const { signal, timeoutMs = this.#options.timeoutMs, graceMs = this.#options.graceMs, ...cell } = options
    const message = { type: 'execute', executionId: this.#executionIds.next(), code, ...cell } as const
    return new CellExecution(this.#ports, { message, timeoutMs, graceMs, signal })
  }

  /** @throws FRAME_TOO_LARGE */
  #run(execution: CellExecution): void {
    this.#running = execution
    this.#setState('busy')
    try {
      execution.start()
    } catch (error) {
      this.#running = undefined
      this.#setState('ready')
      throw error
    }
  }

  #onSettled(outcome: Outcome): void {
    const { executionId } = outcome
    const isRunning = this.#running?.executionId === executionId
    if (!(isRunning && this.#isWarmingUp)) this.#record.settled(outcome)
    if (outcome.status !== 'crashed') this.#idleDeaths = 0
    if (this.#queued?.executionId === executionId) this.#queued = undefined
    if (!isRunning) return
    this.#running = undefined
    if (this.#state === 'busy') this.#setState('ready')
  }

  async #startWorker(signal: AbortSignal | undefined): Promise<void> {
    const { clock, readyTimeoutMs } = this.#options
    try {
      await withinLimits(() => this.#connect(), { clock, readyTimeoutMs, signal })
    } catch (error) {
      this.#running?.kill('the start failed')
      this.#link?.kill()
      await this.#link?.died
      throw asCapsuleError(error)
    }
  }

  async #connect(): Promise<void> {
    const { connect, codecs, settings, outputWindowBytes, clock, warmup } = this.#options
    const { counters } = this.#record
    this.#record.startGeneration()
    this.#executionIds.startGeneration(this.#queued === undefined ? 0 : 1)
    const link = new WorkerLink({
      connect,
      hello: { codecs: [...codecs], settings, outputWindowBytes },
      clock,
      interceptors: this.#interceptors,
      receiver: {
        message: (message) => this.#router.message(message),
        stray: (stray) => this.#router.stray(stray),
        counted: (what) => void counters[what === 'invalid' ? 'invalidMessages' : 'unknownMessages']++,
        died: (death) => this.#onDied(death),
      },
    })
    this.#link = link
    this.#record.ready(await link.ready)
    this.#isWarmingUp = true
    try {
      for (const [index, code] of warmup.entries()) await this.#warmUp(index, code)
    } finally {
      this.#isWarmingUp = false
    }
  }

  async #warmUp(index: number, code: string): Promise<void> {
    const execution = this.#newExecution(code, { storeHistory: false })
    if (this.#link === undefined && this.#lastDeath !== undefined) throw deathError(this.#lastDeath)
    this.#running = execution
    execution.start()
    const outcome = await execution.outcome
    if (outcome.status !== 'ok') throw sessionErrors.WARMUP_FAILED({ index, outcome })
  }

  #becomeReady(): void {
    this.#crashCause = undefined
    this.#setState('ready')
    // it may have died in the moment between its last warm-up and now
    if (this.#link === undefined && this.#lastDeath !== undefined) return this.#onCrash(this.#lastDeath)
    const queued = this.#queued
    if (queued === undefined) return
    this.#queued = undefined
    try {
      this.#run(queued)
    } catch (error) {
      queued.refuse('error', 'kept', { error: outcomeErrorFrom(asCapsuleError(error)) })
    }
  }

  /** Ends the present worker, if any, and starts the next; calls meanwhile join. */
  #replaceWorker(): Promise<void> {
    this.#restarting ??= this.#startNext()
    return this.#restarting
  }

  async #startNext(): Promise<void> {
    this.#setState('restarting')
    try {
      this.#running?.kill('the session was restarted')
      this.#link?.kill()
      await this.#link?.died
      this.#assertOpen()
      await this.#startWorker(undefined)
      this.#assertOpen()
    } catch (error) {
      this.#assertOpen()
      this.#crashCause = asCapsuleError(error)
      this.#setState('crashed')
      this.#refuseQueued()
      throw error
    } finally {
      this.#restarting = undefined
    }
    this.#record.counters.restarts++
    this.#becomeReady()
    this.#emitter.emit('restarted', this.#record.generation)
  }

  #replaceInBackground(): void {
    this.#replaceWorker().catch((error: unknown) => this.#options.logger.error('restart failed', { error }))
  }

  /** An execution outlived its grace. */
  #endWorker(): void {
    if (this.#state === 'busy') this.#replaceInBackground()
    else this.#link?.kill()
  }

  #onDied(death: WorkerDeath): void {
    this.#link = undefined
    this.#lastDeath = death
    const running = this.#running
    this.#inspections.failAll(deathError(death))
    switch (this.#state) {
      case 'ready':
      case 'busy':
        return this.#onCrash(death)
      case 'closed':
        running?.kill('the session was shut down')
        return running?.workerDied(death)
      // whoever starts or ends this worker is waiting for its end and goes on from there
      case 'starting':
      case 'restarting':
      case 'crashed':
        return running?.workerDied(death)
    }
  }

  #onCrash(death: WorkerDeath): void {
    const running = this.#running
    if (running === undefined) {
      this.#untoldDeath = death
      this.#idleDeaths++
    }
    this.#options.logger.warn('worker died', { sessionId: this.sessionId, ...death.exit })
    const isReplaced = this.#options.restartOnCrash && this.#idleDeaths <= idleDeathLimit
    if (!isReplaced) this.#crashCause = deathError(death)
    this.#setState(isReplaced ? 'restarting' : 'crashed')
    running?.workerDied(death)
    this.#emitter.emit('crashed', death.exit)
    if (isReplaced) this.#replaceInBackground()
  }

  #refuseQueued(): void {
    const cause = this.#crashCause
    this.#queued?.refuse('crashed', 'lost', cause === undefined ? {} : { error: outcomeErrorFrom(cause) })
  }

  async #close(graceMs: number): Promise<void> {
    this.#setState('closed')
    const error = sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
    this.#queued?.refuse('cancelled', 'lost', { error: outcomeErrorFrom(error) })
    this.#inspections.failAll(error)
    if (this.#restarting !== undefined) {
      this.#link?.kill()
      await this.#restarting.catch(() => {})
    }
    this.#running?.end(graceMs)
    await this.#link?.shutdown(graceMs)
    await this.#options.onClosed?.()
  }

  #setState(state: SessionState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#emitter.emit('state', state)
  }

  /** @throws SESSION_CLOSED */
  #assertOpen(): void {
    if (this.#state === 'closed') throw sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
  }
}
