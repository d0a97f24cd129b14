/* oxlint-disable max-lines -- one state machine: every way into and out of a worker's life is read together */
import {
  type AbortOptions,
  type CapsuleError,
  type EventSource,
  throwIfAborted,
  type Timer,
  withAbort,
} from '@capsule/core'
import type { BindingSummary, Feature, InspectAnswer, InspectQuery } from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { CapabilityCalls } from './capabilities/capability-calls.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { type RestoreSource, SessionCheckpoints } from './checkpoint/session-checkpoints.ts'
import { SnapshotLink } from './checkpoint/snapshot-link.ts'
import { sessionErrors } from './errors.ts'
import { ExclusiveWork } from './exclusive-work.ts'
import type { CellExecution } from './execution.ts'
import { ExecutionFactory } from './execution-factory.ts'
import { ExecutionIds } from './execution-ids.ts'
import { ExecutionQueue } from './execution-queue.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import { bindingsOf, type InspectOptions, Inspections } from './inspections.ts'
import { createInterceptors, type Interceptors } from './interceptors.ts'
import { MessageRouter } from './message-router.ts'
import {
  checkCheckpointOptions,
  checkExecuteOptions,
  checkRestoreOptions,
  checkRunOptions,
  type ResolvedOptions,
} from './options.ts'
import { outcomeErrorFrom } from './outcome.ts'
import { collect } from './run.ts'
import type { Outcome } from './outcome.ts'
import type {
  CheckpointOptions,
  ExecuteOptions,
  Execution,
  RestoredFacts,
  RestoreOptions,
  RunOptions,
  RunResult,
  Session,
  SessionEvents,
  SessionInfo,
  SessionState,
  StreamOptions,
} from './session.ts'
import { createEmitter, type Emitter } from './emitter.ts'
import { type HistoryEntry, SessionHistory } from './session-history.ts'
import { SessionRecord } from './session-record.ts'
import { ResetRequest } from './reset-request.ts'
import { RunningExecutions } from './running-executions.ts'
import { SessionStreams } from './session-streams.ts'
import { asCapsuleError } from './worker-link.ts'
import { withinLimits } from './start-limits.ts'
import { WarmUp } from './warm-up.ts'
import { WorkerSlot } from './worker-slot.ts'

/** Workers that die idle, one after the other, with no cell between: after so many the session stops replacing them. */
const idleDeathLimit = 3

/** One worker at a time, with so many cells at once as the options say; the state says who may end the worker and what follows. */
export class CapsuleSession implements Session {
  readonly sessionId: string
  readonly #options: ResolvedOptions
  readonly #emitter: Emitter<SessionEvents>
  readonly #interceptors: Interceptors | undefined
  readonly #inspections: Inspections
  readonly #resets: ResetRequest
  readonly #streams: SessionStreams
  readonly #executionIds: ExecutionIds
  readonly #calls: CapabilityCalls
  #state: SessionState = 'starting'
  readonly #slot: WorkerSlot
  readonly #running: RunningExecutions
  readonly #queue: ExecutionQueue
  readonly #executions: ExecutionFactory
  readonly #exclusive: ExclusiveWork
  readonly #checkpoints: SessionCheckpoints
  readonly #history = new SessionHistory()
  /** Queued executions before which a checkpoint is due. */
  readonly #checkpointFirst = new Set<string>()
  /** The worker that takes over is to start from the last checkpoint. */
  #isRecovering = false
  /** What became of the namespace when a worker last died. */
  #recovered: Pick<Outcome, 'state' | 'checkpointId'> = { state: 'lost' }
  /** Were told of an idle death before its recovery was over. */
  #told: CellExecution[] = []
  #isWarmingUp = false
  #restarting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** A death while nothing ran, to be told by the next outcome. */
  #untoldDeath: WorkerDeath | undefined
  #crashCause: CapsuleError | undefined
  #idleDeaths = 0
  readonly #record: SessionRecord
  readonly #warmUp: WarmUp

  constructor(options: ResolvedOptions) {
    this.sessionId = options.sessionId
    this.#options = options
    const { clock, logger, ids, cooperativeMs, outputWindowBytes } = options
    this.#record = new SessionRecord(options)
    this.#warmUp = new WarmUp(options.warmup)
    this.#emitter = createEmitter<SessionEvents>(logger)
    this.#interceptors = createInterceptors({ ...options, emitter: this.#emitter })
    this.#inspections = new Inspections({ clock, ids })
    this.#resets = new ResetRequest({ ...options, send: (message) => this.#slot.send(message) })
    this.#executionIds = new ExecutionIds(ids.next('execution'))
    this.#queue = new ExecutionQueue(options)
    this.#streams = new SessionStreams({
      ...options,
      send: (message) => this.#slot.send(message),
      drained: () => this.#slot.drained(),
    })
    this.#running = new RunningExecutions(options)
    this.#calls = new CapabilityCalls({
      ...options,
      send: (message) => this.#slot.send(message),
      drained: () => this.#slot.drained(),
      openStream: (name) => this.#streams.openAny(name),
    })
    this.#exclusive = new ExclusiveWork(() => this.#runQueued())
    this.#checkpoints = this.#createCheckpoints()
    const router = new MessageRouter({
      record: this.#record,
      emitter: this.#emitter,
      inspections: this.#inspections,
      resets: this.#resets,
      streams: this.#streams,
      executionIds: this.#executionIds,
      running: this.#running,
      calls: this.#calls,
      credit: (bytes) => this.#slot.credit(bytes),
    })
    this.#slot = this.#createSlot(router)
    const { send, credit, hold, whenStrayRead } = this.#slot
    const kill = (executionId: string): void => this.#endWorker(executionId)
    const isShared = this.#running.areSeveral
    const settled = (outcome: Outcome): void => this.#onSettled(outcome)
    const ports = {
      clock,
      cooperativeMs,
      outputWindowBytes,
      send,
      credit,
      hold,
      whenStrayRead,
      isShared,
      kill,
      settled,
    }
    this.#executions = new ExecutionFactory({ session: options, executionIds: this.#executionIds, ports })
  }

  #createSlot(router: MessageRouter): WorkerSlot {
    const options = this.#options
    return new WorkerSlot({
      session: options,
      interceptors: this.#interceptors,
      record: this.#record,
      receiver: {
        message: (message) => router.message(message),
        stray: (stray) => router.stray(stray),
        died: (death) => this.#onDied(death),
      },
      onReady: (ready) => {
        this.#streams.start(ready)
        this.#calls.start(ready)
      },
      warmUp: () => this.#warmUpWorker(),
    })
  }

  #createCheckpoints(): SessionCheckpoints {
    const { clock, logger, ids, checkpoints: policy } = this.#options
    const link = new SnapshotLink({
      clock,
      ids,
      send: (message) => this.#slot.send(message),
      openStream: (name, streamOptions) => this.#streams.openAny(name, streamOptions),
    })
    const { sessionId } = this
    const nodeVersion = (): string => this.#record.nodeVersion
    return new SessionCheckpoints({ sessionId, policy, link, clock, ids, logger, emitter: this.#emitter, nodeVersion })
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
    if (options?.transaction !== undefined) this.#assertOffers('transactions')
    const execution = this.#executions.create(code, options)
    const isCheckpointDue = this.#checkpoints.wantsBefore(code)
    if (isCheckpointDue) this.#checkpointFirst.add(execution.executionId)
    const death = this.#untoldDeath
    this.#untoldDeath = undefined
    if (death === undefined && this.#mayRun && this.#queue.size === 0 && !isCheckpointDue) this.#run(execution)
    else {
      this.#queue.push(execution)
      if (death !== undefined) this.#tell(execution, death)
      else if (this.#state === 'crashed') this.#queue.refuseAll('crashed', this.#crashCause)
      else execution.enqueue()
      if (isCheckpointDue) this.#runQueued()
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
    if (this.#running.size === 0) return void this.#slot.send(message)
    await this.#running.stopAll(graceMs, message)
  }

  async inspect(query: InspectQuery = { what: 'namespace' }, options: InspectOptions = {}): Promise<InspectAnswer> {
    throwIfAborted(options.signal, 'inspect')
    this.#assertOpen()
    if (this.#restarting !== undefined) await withAbort(this.#restarting, options.signal, 'inspect')
    this.#assertOpen()
    if (this.#state === 'crashed' && this.#crashCause !== undefined) throw this.#crashCause
    this.#assertOffers('inspect')
    return this.#inspections.ask(query, options, this.#slot.send)
  }

  async bindings(options: AbortOptions = {}): Promise<readonly BindingSummary[]> {
    return bindingsOf(await this.inspect({ what: 'namespace' }, options))
  }

  stream(name: string, options?: StreamOptions): StreamChannel {
    this.#assertOpen()
    return this.#streams.open(name, options)
  }

  async checkpoint(options: CheckpointOptions = {}): Promise<Checkpoint> {
    checkCheckpointOptions(options)
    return this.#alone('checkpoint()', options.signal, () => this.#take(() => this.#checkpoints.take(options)))
  }

  async restore(source: RestoreSource, options: RestoreOptions = {}): Promise<RestoredFacts> {
    checkRestoreOptions(source, options)
    const { signal, mode = 'replace' } = options
    throwIfAborted(signal, 'restore()')
    this.#assertOpen()
    const opened = await this.#checkpoints.open(source, options)
    return this.#alone('restore()', signal, async () => {
      const facts = await this.#stoppable(signal, () => this.#checkpoints.putBack(opened, mode))
      this.#history.moved()
      return facts
    })
  }

  async fork(options: AbortOptions = {}): Promise<Session> {
    const { signal } = options
    const checkpoint = await this.#alone('fork()', signal, () => this.#checkpoints.take({ signal, isKept: false }))
    const session = await this.#options.startFork(options)
    try {
      await session.restore(checkpoint, options)
      return session
    } catch (error) {
      await session.shutdown()
      throw error
    }
  }

  history(): readonly HistoryEntry[] {
    return this.#history.entries
  }

  async restart({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'restart')
    this.#assertOpen()
    // what was to come back is not wanted any more
    if (this.#isRecovering) await this.#restarting?.catch(() => {})
    this.#checkpoints.forget()
    this.#untoldDeath = undefined
    this.#idleDeaths = 0
    this.#queue.dropAll()
    await withAbort(this.#replaceWorker(), signal, 'restart')
  }

  async reset({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'reset()')
    this.#assertOpen()
    if (this.#state === 'ready' || this.#state === 'busy') this.#assertOffers('reset')
    // a cell that does not stop takes the worker along, and what was there is not to come back
    this.#checkpoints.forget()
    this.#untoldDeath = undefined
    this.#queue.dropAll()
    const { generation } = this.#record
    if (!this.#isWarmingUp) this.#running.endAll(this.#options.graceMs)
    await this.#alone('reset()', signal, () => this.#reset(generation), 'reset')
  }

  shutdown(options: { graceMs?: number; checkpoint?: boolean } = {}): Promise<void> {
    const { graceMs = this.#options.shutdownGraceMs, checkpoint = false } = options
    this.#closing ??= checkpoint ? this.#closeKept(graceMs) : this.#close(graceMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  info(): SessionInfo {
    return this.#record.info({
      state: this.#state,
      transport: this.#slot.link?.transport,
      inFlight: { running: this.#running.size, queued: this.#queue.size },
      streams: this.#streams.counters,
      interceptors: this.#interceptors?.info ?? [],
      restored: this.#checkpoints.restored,
      warmup: this.#warmUp.report,
    })
  }

  get #mayRun(): boolean {
    if (this.#exclusive.isWanted) return false
    return this.#state === 'ready' || (this.#state === 'busy' && !this.#running.isFull)
  }

  /** @throws FRAME_TOO_LARGE */
  #run(execution: CellExecution): void {
    this.#running.add(execution)
    this.#setState('busy')
    try {
      execution.start()
    } catch (error) {
      this.#leave(execution.executionId)
      throw error
    }
  }

  /** It runs no more: others may. */
  #leave(executionId: string): void {
    this.#running.delete(executionId)
    if (this.#state !== 'busy') return
    if (this.#running.size === 0) this.#setState('ready')
    this.#goOn()
  }

  #onSettled(outcome: Outcome): void {
    const isRunning = this.#running.find(outcome.executionId) !== undefined
    if (!(isRunning && this.#isWarmingUp)) this.#record.settled(outcome)
    if (outcome.status !== 'crashed') this.#idleDeaths = 0
    this.#queue.delete(outcome.executionId)
    this.#checkpointFirst.delete(outcome.executionId)
    this.#calls.executionEnded(outcome.executionId)
    if (!isRunning) return
    if (!this.#isWarmingUp) this.#onExecuted(outcome)
    this.#leave(outcome.executionId)
  }

  #onExecuted(outcome: Outcome): void {
    this.#history.add(this.#running.find(outcome.executionId)?.code ?? '', outcome)
    if (outcome.state !== 'lost' && this.#checkpoints.executed()) this.#checkpointByPolicy()
  }

  /** Nothing runs: first what wants the worker to itself, then the cells that wait. */
  #goOn(): void {
    if (this.#state !== 'ready' || !this.#exclusive.proceed()) this.#runQueued()
  }

  #checkpointByPolicy(): void {
    const take = (): Promise<unknown> => this.#take(() => this.#checkpoints.takeByPolicy())
    // what fails is told by an event
    this.#alone('checkpoint()', undefined, take).catch(() => {})
  }

  async #take<T extends Checkpoint | undefined>(take: () => Promise<T>): Promise<T> {
    const checkpoint = await take()
    if (checkpoint !== undefined) this.#history.checkpointed(checkpoint.id)
    return checkpoint
  }

  /** Runs what needs the worker to itself. */
  #alone<T>(
    what: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    feature: Feature = 'checkpoint',
  ): Promise<T> {
    const mayStart = (): boolean => this.#running.size === 0 && this.#state !== 'busy' && this.#state !== 'restarting'
    const done = this.#exclusive.run(async () => {
      throwIfAborted(signal, what)
      this.#assertOpen()
      if (this.#state === 'crashed' && this.#crashCause !== undefined) throw this.#crashCause
      this.#assertOffers(feature)
      return work()
    }, mayStart)
    return withAbort(done, signal, what)
  }

  /** A restore runs code: it is interrupted when its time is over, and its worker ended should that not help. */
  async #stoppable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { clock, cooperativeMs, graceMs, checkpoints } = this.#options
    const { timeoutMs } = checkpoints
    let grace: Timer | undefined
    let isTimedOut = false
    const stop = (): void => {
      this.#slot.send({ type: 'interrupt', cooperativeMs })
      grace ??= clock.setTimer(graceMs, () => this.#slot.link?.kill())
    }
    const timer =
      timeoutMs === Infinity
        ? undefined
        : clock.setTimer(timeoutMs, () => {
            isTimedOut = true
            stop()
          })
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await work()
    } catch (cause) {
      throw isTimedOut ? sessionErrors.REQUEST_TIMED_OUT({ what: 'restore', timeoutMs }, { cause }) : cause
    } finally {
      timer?.cancel()
      grace?.cancel()
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Of the worker that was there when it was asked for: one that has taken over since is as new. */
  async #reset(generation: number): Promise<void> {
    if (generation !== this.#record.generation) return this.#forgetCells()
    const left = await this.#replacingWorker(async () => {
      const answer = await this.#resets.ask()
      if (answer.kind === 'failed') throw sessionErrors.RESET_FAILED({ message: answer.error.message })
      return answer.left
    })
    this.#forgetCells()
    const all = this.#record.isTainted ? [...left, 'a hard cancel went through Node itself (tainted)'] : left
    if (all.length > 0) throw sessionErrors.RESET_INCOMPLETE({ left: all })
    const { clock, readyTimeoutMs } = this.#options
    const limits = { clock, readyTimeoutMs, signal: undefined }
    await this.#replacingWorker(() => withinLimits(() => this.#warmUpWorker(), limits))
  }

  /** What was known of the cells of before. */
  #forgetCells(): void {
    this.#streams.abandon()
    this.#history.clear()
    this.#executions.forget()
    this.#executionIds.forget(this.#queue.first?.executionId)
    this.#checkpoints.forget()
  }

  /** Where work that nobody else waits for goes wrong, the worker is replaced: nobody knows what state it is in. */
  async #replacingWorker<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (this.#state === 'ready' || this.#state === 'busy') await this.#replaceWorker()
      // the worker's death is told by this
      this.#untoldDeath = undefined
      throw error
    }
  }

  #runQueued(): void {
    while (this.#queue.size > 0 && this.#mayRun) {
      const { first } = this.#queue
      if (first !== undefined && this.#checkpointFirst.delete(first.executionId)) return this.#checkpointByPolicy()
      const next = this.#queue.shift()
      try {
        if (next !== undefined) this.#run(next)
      } catch (error) {
        next?.refuse('error', 'kept', { error: outcomeErrorFrom(asCapsuleError(error)) })
      }
    }
  }

  #warmUpWorker(): Promise<void> {
    return this.#warmUp.run({ run: (code) => this.#runWarmup(code), death: () => this.#slot.vacancy })
  }

  async #runWarmup(code: string): Promise<Outcome> {
    const execution = this.#executions.createWarmup(code)
    this.#running.add(execution)
    this.#isWarmingUp = true
    try {
      execution.start()
      // nobody is there to be asked: what it asks is denied
      const { outcome } = await collect(() => execution, { maxOutputLength: 0 })
      return outcome
    } finally {
      this.#isWarmingUp = false
    }
  }

  #becomeReady(): void {
    this.#crashCause = undefined
    this.#setState('ready')
    // it may have died in the moment between its last warm-up and now
    if (this.#slot.vacancy !== undefined) return this.#onCrash(this.#slot.vacancy)
    this.#goOn()
  }

  /** Ends the present worker, if any, and starts the next; calls meanwhile join. */
  #replaceWorker(): Promise<void> {
    this.#restarting ??= this.#startNext()
    return this.#restarting
  }

  async #startNext(): Promise<void> {
    this.#setState('restarting')
    try {
      this.#running.forEach((execution) => execution.kill('the session was restarted'))
      await this.#slot.clear()
      this.#assertOpen()
      this.#executionIds.startGeneration(this.#queue.first?.executionId)
      await this.#slot.fill(undefined)
      this.#assertOpen()
      if (this.#isRecovering) this.#onRecovered(await this.#recover())
      this.#assertOpen()
    } catch (error) {
      this.#assertOpen()
      this.#crashCause = asCapsuleError(error)
      this.#setState('crashed')
      this.#queue.refuseAll('crashed', this.#crashCause)
      throw error
    } finally {
      this.#restarting = undefined
      if (this.#isRecovering) this.#onRecovered({ state: 'lost' })
      if (this.#state === 'crashed') this.#exclusive.proceed()
    }
    this.#record.counters.restarts++
    this.#becomeReady()
    this.#emitter.emit('restarted', this.#record.generation)
  }

  async #recover(): Promise<Pick<Outcome, 'state' | 'checkpointId'>> {
    const checkpointId = await this.#stoppable(undefined, () => this.#checkpoints.recover())
    return checkpointId === undefined ? { state: 'lost' } : { state: 'rolled-back', checkpointId }
  }

  #onRecovered(recovered: Pick<Outcome, 'state' | 'checkpointId'>): void {
    this.#isRecovering = false
    this.#recovered = recovered
    this.#running.forEach((execution) => execution.recovered(recovered))
    for (const execution of this.#told.splice(0)) execution.recovered(recovered)
  }

  /** An idle worker has died, and this execution tells of it. */
  #tell(execution: CellExecution, death: WorkerDeath): void {
    execution.workerDied(death, { isRecovering: true })
    if (this.#isRecovering) this.#told.push(execution)
    else execution.recovered(this.#recovered)
  }

  #replaceInBackground(): void {
    this.#replaceWorker().catch((error: unknown) => this.#options.logger.error('restart failed', { error }))
  }

  /** An execution outlived its grace; those beside it were not to be stopped, and lose their worker all the same. */
  #endWorker(executionId: string): void {
    if (this.#state !== 'busy') return this.#slot.link?.kill()
    this.#isRecovering = this.#checkpoints.canRecover
    this.#running.killBeside(executionId)
    this.#replaceInBackground()
  }

  #onDied(death: WorkerDeath): void {
    const error = deathError(death)
    this.#inspections.failAll(error)
    this.#resets.fail(error)
    this.#streams.fail(error)
    this.#executions.namespaceLost()
    this.#history.moved()
    this.#warmUp.forget()
    switch (this.#state) {
      case 'ready':
      case 'busy':
        return this.#onCrash(death)
      case 'closed':
        this.#running.forEach((execution) => execution.kill('the session was shut down'))
        return this.#running.workerDied(death, { isRecovering: false })
      // whoever starts or ends this worker is waiting for its end and goes on from there
      case 'starting':
      case 'restarting':
      case 'crashed':
        return this.#running.workerDied(death, { isRecovering: this.#isRecovering })
    }
  }

  #onCrash(death: WorkerDeath): void {
    if (this.#running.size === 0) {
      // a cell that waits for this worker gets the next: nothing of its own was lost
      if (this.#queue.size === 0) this.#untoldDeath = death
      this.#idleDeaths++
    }
    this.#options.logger.warn('worker died', { sessionId: this.sessionId, ...death.exit })
    const isReplaced = this.#options.restartOnCrash && this.#idleDeaths <= idleDeathLimit
    if (!isReplaced) this.#crashCause = deathError(death)
    this.#setState(isReplaced ? 'restarting' : 'crashed')
    this.#recovered = { state: 'lost' }
    this.#isRecovering = isReplaced && this.#checkpoints.canRecover
    this.#running.workerDied(death, { isRecovering: this.#isRecovering })
    this.#emitter.emit('crashed', death.exit)
    if (isReplaced) this.#replaceInBackground()
    else {
      this.#queue.refuseAll('crashed', this.#crashCause)
      this.#exclusive.proceed()
    }
  }

  /** Stops what runs, takes a last checkpoint and closes, whatever becomes of that. */
  async #closeKept(graceMs: number): Promise<void> {
    this.#queue.dropAll()
    await this.interrupt({ graceMs })
    const [taken] = await Promise.allSettled([this.checkpoint()])
    await this.#close(graceMs)
    if (taken.status === 'rejected') throw taken.reason
  }

  async #close(graceMs: number): Promise<void> {
    this.#setState('closed')
    const error = sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
    this.#queue.refuseAll('cancelled', error)
    this.#inspections.failAll(error)
    this.#resets.fail(error)
    this.#streams.fail(error)
    this.#exclusive.proceed()
    if (this.#restarting !== undefined) {
      this.#slot.link?.kill()
      await this.#restarting.catch(() => {})
    }
    this.#running.forEach((execution) => execution.end(graceMs))
    await this.#slot.link?.shutdown(graceMs)
    this.#calls.close()
    await this.#options.onClosed?.()
  }

  #setState(state: SessionState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#emitter.emit('state', state)
  }

  /** @throws FEATURE_UNAVAILABLE */
  #assertOffers(feature: Feature): void {
    if (!this.#record.offers(feature)) throw sessionErrors.FEATURE_UNAVAILABLE({ feature })
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw sessionErrors.SESSION_CLOSED({ sessionId: this.sessionId })
  }
}
