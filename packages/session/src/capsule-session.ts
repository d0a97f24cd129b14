/* oxlint-disable max-lines -- one state machine: who may end the worker, and what follows for all that hangs on it */
import { type AbortOptions, type CapsuleError, type EventSource, throwIfAborted, withAbort } from '@capsule/core'
import type { BindingSummary, InspectAnswer, InspectQuery } from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from './errors.ts'
import type { CellExecution } from './execution.ts'
import { ExecutionFactory } from './execution-factory.ts'
import { ExecutionIds } from './execution-ids.ts'
import { ExecutionQueue } from './execution-queue.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import { bindingsOf, type InspectOptions, Inspections } from './inspections.ts'
import { createInterceptors } from './interceptors.ts'
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
  StreamOptions,
} from './session.ts'
import { SessionEventEmitter } from './session-events.ts'
import { SessionRecord } from './session-record.ts'
import { SessionStreams } from './session-streams.ts'
import { asCapsuleError } from './worker-link.ts'
import { WorkerSlot } from './worker-slot.ts'

/** Workers that die idle, one after the other, with no cell between: after so many the session stops replacing them. */
const idleDeathLimit = 3

/** One worker at a time, one cell at a time; the state says who may end the worker and what follows. */
export class CapsuleSession implements Session {
  readonly sessionId: string
  readonly #options: ResolvedOptions
  readonly #emitter: SessionEventEmitter
  readonly #inspections: Inspections
  readonly #streams: SessionStreams
  readonly #executionIds: ExecutionIds
  #state: SessionState = 'starting'
  readonly #slot: WorkerSlot
  /** On the wire: the caller's cell, or a warm-up. */
  #running: CellExecution | undefined
  readonly #queue: ExecutionQueue
  readonly #executions: ExecutionFactory
  #isWarmingUp = false
  #restarting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** A death while nothing ran, to be told by the next outcome. */
  #untoldDeath: WorkerDeath | undefined
  #crashCause: CapsuleError | undefined
  #idleDeaths = 0
  readonly #record: SessionRecord

  constructor(options: ResolvedOptions) {
    this.sessionId = options.sessionId
    this.#options = options
    const { clock, logger, ids, interceptors, cooperativeMs, outputWindowBytes } = options
    this.#record = new SessionRecord(options)
    this.#emitter = new SessionEventEmitter(logger)
    this.#inspections = new Inspections({ clock, ids })
    this.#executionIds = new ExecutionIds(ids.next('execution'))
    this.#queue = new ExecutionQueue(options)
    this.#streams = new SessionStreams({
      ...options,
      send: (message) => this.#slot.send(message),
      drained: () => this.#slot.drained(),
    })
    const router = new MessageRouter({
      record: this.#record,
      emitter: this.#emitter,
      inspections: this.#inspections,
      streams: this.#streams,
      executionIds: this.#executionIds,
      running: () => this.#running,
      credit: (bytes) => this.#slot.credit(bytes),
    })
    this.#slot = new WorkerSlot({
      session: options,
      interceptors: createInterceptors({ interceptors, clock, logger, emitter: this.#emitter }),
      record: this.#record,
      receiver: {
        message: (message) => router.message(message),
        stray: (stray) => router.stray(stray),
        died: (death) => this.#onDied(death),
      },
      onReady: (ready) => this.#streams.start(ready),
      warmUp: (code) => this.#warmUp(code),
    })
    const { send, credit, hold, whenStrayRead } = this.#slot
    const kill = (): void => this.#endWorker()
    const settled = (outcome: Outcome): void => this.#onSettled(outcome)
    const ports = { clock, cooperativeMs, outputWindowBytes, send, credit, hold, whenStrayRead, kill, settled }
    this.#executions = new ExecutionFactory({ session: options, executionIds: this.#executionIds, ports })
  }

  get events(): EventSource<SessionEvents> {
    return this.#emitter.source
  }

  async start(): Promise<void> {
    await this.#slot.fill(this.#options.signal).catch((error: unknown) => {
      this.#setState('closed')
      throw error
    })
    this.#becomeReady()
  }

  execute(code: string, options?: ExecuteOptions): Execution {
    checkExecuteOptions(code, options)
    this.#assertOpen()
    const known = this.#executions.find(code, options)
    if (known !== undefined) return known
    this.#queue.assertRoom(this.#isWarmingUp ? undefined : this.#running, options?.queue)
    const execution = this.#executions.create(code, options)
    const death = this.#untoldDeath
    this.#untoldDeath = undefined
    if (death === undefined && this.#state === 'ready' && this.#queue.size === 0) this.#run(execution)
    else {
      this.#queue.push(execution)
      if (death !== undefined) execution.workerDied(death)
      else if (this.#state === 'crashed') this.#queue.refuseAll('crashed', this.#crashCause)
      else execution.enqueue()
    }
    this.#record.counters.executions++
    return execution
  }

  async run(code: string, options: RunOptions = {}): Promise<RunResult> {
    checkRunOptions(code, options)
    return collect((executeOptions) => this.execute(code, executeOptions), options)
  }

  async interrupt({ graceMs = this.#options.graceMs }: { graceMs?: number } = {}): Promise<void> {
    this.#assertOpen()
    if (this.#state !== 'ready' && this.#state !== 'busy') return
    const message = { type: 'interrupt', cooperativeMs: this.#options.cooperativeMs } as const
    const running = this.#running
    if (running === undefined) return void this.#slot.send(message)
    running.stop('cancelled', graceMs, message)
    await running.settlement
  }

  async inspect(query: InspectQuery = { what: 'namespace' }, options: InspectOptions = {}): Promise<InspectAnswer> {
    throwIfAborted(options.signal, 'inspect')
    this.#assertOpen()
    if (this.#restarting !== undefined) await withAbort(this.#restarting, options.signal, 'inspect')
    this.#assertOpen()
    if (this.#state === 'crashed' && this.#crashCause !== undefined) throw this.#crashCause
    if (!this.#record.offers('inspect')) throw sessionErrors.FEATURE_UNAVAILABLE({ feature: 'inspect' })
    return this.#inspections.ask(query, options, this.#slot.send)
  }

  async bindings(options: AbortOptions = {}): Promise<readonly BindingSummary[]> {
    return bindingsOf(await this.inspect({ what: 'namespace' }, options))
  }

  stream(name: string, options?: StreamOptions): StreamChannel {
    this.#assertOpen()
    return this.#streams.open(name, options)
  }

  async restart({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'restart')
    this.#assertOpen()
    this.#untoldDeath = undefined
    this.#idleDeaths = 0
    this.#queue.dropAll()
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
    return this.#record.info({
      state: this.#state,
      transport: this.#slot.link?.transport,
      queued: this.#queue.size,
      streams: this.#streams.counters,
    })
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
      this.#runQueued()
      throw error
    }
  }

  #onSettled(outcome: Outcome): void {
    const isRunning = this.#running?.executionId === outcome.executionId
    if (!(isRunning && this.#isWarmingUp)) this.#record.settled(outcome)
    if (outcome.status !== 'crashed') this.#idleDeaths = 0
    this.#queue.delete(outcome.executionId)
    if (!isRunning) return
    this.#running = undefined
    if (this.#state !== 'busy') return
    this.#setState('ready')
    this.#runQueued()
  }

  #runQueued(): void {
    const next = this.#state === 'ready' ? this.#queue.shift() : undefined
    if (next === undefined) return
    try {
      this.#run(next)
    } catch (error) {
      next.refuse('error', 'kept', { error: outcomeErrorFrom(asCapsuleError(error)) })
    }
  }

  async #warmUp(code: string): Promise<Outcome> {
    const execution = this.#executions.create(code, { storeHistory: false })
    this.#running = execution
    this.#isWarmingUp = true
    try {
      execution.start()
      return await execution.outcome
    } finally {
      this.#isWarmingUp = false
    }
  }

  #becomeReady(): void {
    this.#crashCause = undefined
    this.#setState('ready')
    // it may have died in the moment between its last warm-up and now
    if (this.#slot.vacancy !== undefined) return this.#onCrash(this.#slot.vacancy)
    this.#runQueued()
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
      await this.#slot.clear()
      this.#assertOpen()
      this.#executionIds.startGeneration(this.#queue.first?.executionId)
      await this.#slot.fill(undefined)
      this.#assertOpen()
    } catch (error) {
      this.#assertOpen()
      this.#crashCause = asCapsuleError(error)
      this.#setState('crashed')
      this.#queue.refuseAll('crashed', this.#crashCause)
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
    else this.#slot.link?.kill()
  }

  #onDied(death: WorkerDeath): void {
    const error = deathError(death)
    this.#inspections.failAll(error)
    this.#streams.fail(error)
    this.#executions.namespaceLost()
    switch (this.#state) {
      case 'ready':
      case 'busy':
        return this.#onCrash(death)
      case 'closed':
        this.#running?.kill('the session was shut down')
        return this.#running?.workerDied(death)
      // whoever starts or ends this worker is waiting for its end and goes on from there
      case 'starting':
      case 'restarting':
      case 'crashed':
        return this.#running?.workerDied(death)
    }
  }

  #onCrash(death: WorkerDeath): void {
    const running = this.#running
    if (running === undefined) {
      // a cell that waits for this worker gets the next: nothing of its own was lost
      if (this.#queue.size === 0) this.#untoldDeath = death
      this.#idleDeaths++
    }
    this.#options.logger.warn('worker died', { sessionId: this.sessionId, ...death.exit })
    const isReplaced = this.#options.restartOnCrash && this.#idleDeaths <= idleDeathLimit
    if (!isReplaced) this.#crashCause = deathError(death)
    this.#setState(isReplaced ? 'restarting' : 'crashed')
    running?.workerDied(death)
    this.#emitter.emit('crashed', death.exit)
    if (isReplaced) this.#replaceInBackground()
    else this.#queue.refuseAll('crashed', this.#crashCause)
  }

  async #close(graceMs: number): Promise<void> {
    this.#setState('closed')
    const error = sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
    this.#queue.refuseAll('cancelled', error)
    this.#inspections.failAll(error)
    this.#streams.fail(error)
    if (this.#restarting !== undefined) {
      this.#slot.link?.kill()
      await this.#restarting.catch(() => {})
    }
    this.#running?.end(graceMs)
    await this.#slot.link?.shutdown(graceMs)
    await this.#options.onClosed?.()
  }

  #setState(state: SessionState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#emitter.emit('state', state)
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
  }
}
