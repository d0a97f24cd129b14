/* oxlint-disable max-lines -- one state machine: everything that can end an execution is read together */
import type { Timer } from '@capsule/core'
import type { HostMessage } from '@capsule/protocol'
import { sessionErrors } from './errors.ts'
import { DisplayAssembly, type DisplayEvent } from './display-assembly.ts'
import { type EventMessage, eventOf, EventQueue } from './event-queue.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import type { ExecutionPorts, ExecutionWitness } from './execution-ports.ts'
import type { ExecutionRequest } from './execution-request.ts'
import { type Outcome, outcomeErrorFrom, outcomeOf, type TerminalMessage } from './outcome.ts'
import type { ApproveOptions, DenyOptions, Execution, ExecutionEvent } from './session.ts'
import { TransactionEffects } from './transaction-effects.ts'
import { ExecutionCalls } from './capabilities/execution-calls.ts'
import type { Approval, ApprovalDecision } from './capabilities/capability-grants.ts'

type StopReason = 'cancelled' | 'timed-out'
/** `crashed`: nobody stopped this one. */
type KilledAs = StopReason | 'crashed'

type Phase =
  | { readonly name: 'queued' }
  | { readonly name: 'running' }
  /** The worker was told to stop it. */
  | { readonly name: 'stopping'; readonly reason: StopReason }
  /** The worker is being killed, because of it or of another. */
  | { readonly name: 'killing'; readonly reason: KilledAs; readonly why: string }
  /** The terminal message is here; text on fd 1 and 2 may still come. */
  | { readonly name: 'draining'; readonly message: TerminalMessage }
  /** Its worker is gone; whether the namespace comes back from a checkpoint is being found out. */
  | { readonly name: 'recovering'; readonly outcome: Outcome; readonly wasSent: boolean }
  | { readonly name: 'settled'; readonly outcome: Outcome }

/** One run of one cell on the host side. Everything that can end it meets in `#phase`, so it ends once. */
export class CellExecution implements Execution {
  readonly executionId: string
  /** Set before it starts, if at all. */
  witness: ExecutionWitness | undefined
  readonly #ports: ExecutionPorts
  readonly #request: ExecutionRequest
  readonly #events: EventQueue
  #displays: DisplayAssembly | undefined
  /** Asked for and not yet answered; most cells ask for nothing. */
  #inputs: Set<string> | undefined
  /** Made with the first call: most cells make none. */
  #calls: ExecutionCalls | undefined
  /** Kept for a transaction only. */
  readonly effects: TransactionEffects | undefined
  #phase: Phase = { name: 'queued' }
  #resolvers: PromiseWithResolvers<Outcome> | undefined
  #isAcknowledged = false
  #stateAfter: 'kept' | 'lost' = 'kept'
  #startedMs = 0
  #stopListening: (() => void) | undefined
  #timeout: Timer | undefined
  #grace: { readonly timer: Timer; readonly dueMs: number } | undefined

  constructor(ports: ExecutionPorts, request: ExecutionRequest) {
    this.executionId = request.message.executionId
    this.#ports = ports
    this.#request = request
    this.#events = new EventQueue(ports)
    if (request.message.transaction !== undefined) this.effects = new TransactionEffects()
    const { signal } = request
    if (signal === undefined) return
    const onAbort = (): void => this.stop('cancelled', request.graceMs)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal.removeEventListener('abort', onAbort)
  }

  get code(): string {
    return this.#request.message.code
  }

  get outcome(): Promise<Outcome> {
    this.#events.wantOutcome()
    return this.settlement
  }

  /** As `outcome`, but asking for it says nothing about who reads the events. */
  get settlement(): Promise<Outcome> {
    if (this.#resolvers === undefined) {
      this.#resolvers = Promise.withResolvers()
      if (this.#phase.name === 'settled') this.#resolvers.resolve(this.#phase.outcome)
    }
    return this.#resolvers.promise
  }

  [Symbol.asyncIterator](): AsyncIterator<ExecutionEvent, undefined> {
    return this.#events.read()
  }

  async respond(inputId: string, answer: string | null): Promise<void> {
    const { executionId } = this
    if (!this.#inputs?.has(inputId)) throw sessionErrors.INPUT_NOT_PENDING({ inputId, executionId })
    const wireAnswer = answer === null ? ({ kind: 'eof' } as const) : ({ kind: 'text', text: answer } as const)
    this.#ports.send({ type: 'input-response', executionId, inputId, answer: wireAnswer })
    this.#inputs.delete(inputId)
    this.effects?.answered(inputId)
  }

  isWaitingFor(inputId: string): boolean {
    return this.#inputs?.has(inputId) ?? false
  }

  async approve(approvalId: string, options: ApproveOptions = {}): Promise<void> {
    this.#decide(approvalId, { ...options, decision: 'approve' })
  }

  async deny(approvalId: string, options: DenyOptions = {}): Promise<void> {
    this.#decide(approvalId, { ...options, decision: 'deny' })
  }

  isAwaitingApproval(approvalId: string): boolean {
    return this.#calls?.isAsking(approvalId) ?? false
  }

  #decide(approvalId: string, decision: ApprovalDecision): void {
    if (this.#calls?.decide(approvalId, decision) === true) return
    throw sessionErrors.APPROVAL_NOT_PENDING({ approvalId, executionId: this.executionId })
  }

  cancel({ graceMs = this.#request.graceMs }: { graceMs?: number } = {}): Promise<Outcome> {
    this.stop('cancelled', graceMs)
    return this.outcome
  }

  /** Waits for a worker; a signal that has fired already ends it here. */
  enqueue(): void {
    if (this.#request.signal?.aborted) this.drop()
  }

  /** Sends the request. @throws FRAME_TOO_LARGE: nothing was sent, and the execution stays queued */
  start(): void {
    if (this.#request.signal?.aborted) this.drop()
    if (this.#phase.name !== 'queued') return
    this.#phase = { name: 'running' }
    try {
      this.#ports.send(this.#request.message)
    } catch (error) {
      this.#phase = { name: 'queued' }
      this.#stopListening?.()
      this.witness?.ended(undefined)
      throw error
    }
    const { clock } = this.#ports
    this.#startedMs = clock.now()
    const { timeoutMs, graceMs } = this.#request
    if (timeoutMs !== Infinity) this.#timeout = clock.setTimer(timeoutMs, () => this.stop('timed-out', graceMs))
  }

  /** Asks the worker to stop it, and kills the worker after the grace. The first reason counts, and the shortest grace. */
  stop(reason: StopReason, graceMs: number, request?: HostMessage): void {
    const { name } = this.#phase
    if (name === 'queued') return this.drop()
    if (name === 'running') {
      const { executionId } = this
      const { cooperativeMs } = this.#ports
      this.#phase = { name: 'stopping', reason }
      this.#ports.send(request ?? { type: 'cancel', executionId, reason, cooperativeMs })
      this.#calls?.stop()
      this.#events.release()
    }
    if (name === 'running' || name === 'stopping') this.#giveGrace(graceMs)
  }

  /** The session closes: an outcome may still come within the grace, but no namespace will be left. */
  end(graceMs: number): void {
    this.#stateAfter = 'lost'
    this.stop('cancelled', graceMs)
  }

  /**
   * The session ends this worker. One that was being stopped ends as that, any other as `as`: a terminal message that comes
   * now does not count, unless that is `crashed`; what was printed does.
   */
  kill(why: string, as: KilledAs = 'cancelled'): void {
    const phase = this.#phase
    if (phase.name === 'queued') return this.drop()
    if (phase.name !== 'running' && phase.name !== 'stopping') return
    this.#phase = { name: 'killing', reason: phase.name === 'stopping' ? phase.reason : as, why }
    this.#stateAfter = 'lost'
    this.#calls?.stop()
    this.#events.release()
  }

  /** Ends an execution that no worker has seen. */
  drop(state: 'kept' | 'lost' = 'kept'): void {
    const error = outcomeErrorFrom(sessionErrors.DROPPED({ executionId: this.executionId }))
    this.refuse('cancelled', state, { error, cancelRung: 0 })
  }

  /** Settles an execution that no worker has seen. */
  refuse(
    status: 'error' | 'cancelled' | 'crashed',
    state: Outcome['state'],
    facts: Pick<Outcome, 'error' | 'exit' | 'cancelRung'>,
  ): void {
    this.#settle({ ...this.#hostFacts(), status, state, ...facts })
  }

  /** `false`: for the second time. */
  acknowledge(): boolean {
    const isFirst = !this.#isAcknowledged
    this.#isAcknowledged = true
    return isFirst
  }

  /** `false`: nothing that this execution can take now. */
  receive(message: EventMessage): boolean {
    const { name } = this.#phase
    if (!isInFlight(name)) return false
    if (message.type === 'input-request') {
      this.#inputs ??= new Set()
      if (this.#inputs.has(message.inputId)) return false
      this.#inputs.add(message.inputId)
      this.effects?.asked(message)
    }
    const event = eventOf(this.executionId, message)
    this.witness?.event(event)
    this.#events.push(event)
    return true
  }

  /** Puts its displays together. */
  get displays(): DisplayAssembly {
    this.#displays ??= new DisplayAssembly()
    return this.#displays
  }

  /** One part of a display; with the last one, the whole. */
  receiveDisplay(part: { bytes: number; isFirst: boolean }, whole: DisplayEvent | undefined): boolean {
    const { name } = this.#phase
    if (!isInFlight(name)) return false
    this.#events.part(part.bytes, part)
    if (whole === undefined) return true
    this.witness?.event(whole)
    this.#events.push(whole)
    return true
  }

  /** Its worker may still ask for something. */
  get isInFlight(): boolean {
    return isInFlight(this.#phase.name)
  }

  /** What ends with it, and waits for a person. */
  get calls(): ExecutionCalls {
    if (this.#calls === undefined) {
      this.#calls = new ExecutionCalls(this.executionId)
      if (this.#phase.name !== 'running') this.#calls.stop()
    }
    return this.#calls
  }

  /** Asks a person to approve a call. Rejects when the signal aborts. */
  ask(approval: Approval, signal: AbortSignal): Promise<ApprovalDecision> {
    const decision = this.calls.ask(approval, signal)
    const event = { type: 'approval-request', executionId: this.executionId, ...approval } as const
    this.witness?.event(event)
    this.#events.push(event)
    return decision
  }

  /** Another execution has started beside this one. */
  shareThread(): void {
    this.#events.share()
  }

  /** Text on fd 1 or 2 while this execution ran. */
  stray(stream: 'stdout' | 'stderr', text: string): void {
    const event = { type: 'output', executionId: this.executionId, stream, text } as const
    this.witness?.event(event)
    this.#events.pushStray(event)
  }

  /** `false`: it does not fit, which also goes for one without an ack before it; it counts all the same. */
  terminal(message: TerminalMessage): boolean {
    const phase = this.#phase
    // nobody stopped one that counts as crashed: what it came to before the end is its own
    if (phase.name === 'killing' && phase.reason !== 'crashed') return true
    if (phase.name !== 'running' && phase.name !== 'stopping' && phase.name !== 'killing') return false
    this.#phase = { name: 'draining', message }
    // the worker has obeyed: from here only what it printed natively is waited for
    this.#stopTimers()
    this.#events.release()
    this.#ports.whenStrayRead(() => this.#settle(this.#told(message)))
    return this.#isAcknowledged
  }

  /** The worker is gone, and all that it had sent was received before. With `isRecovering`, `recovered` follows. */
  workerDied(death: WorkerDeath, { isRecovering = false }: { isRecovering?: boolean } = {}): void {
    const outcome = this.#outcomeOfDeath(death)
    this.#calls?.stop()
    if (outcome === undefined) return
    if (!isRecovering) return this.#settle(outcome)
    this.#phase = { name: 'recovering', outcome, wasSent: this.#phase.name !== 'queued' }
    this.#stopTimers()
    this.#events.release()
  }

  /** What became of the namespace that its worker had. */
  recovered(state: Pick<Outcome, 'state' | 'checkpointId'>): void {
    if (this.#phase.name === 'recovering') this.#settle({ ...this.#phase.outcome, ...state })
  }

  #outcomeOfDeath(death: WorkerDeath): Outcome | undefined {
    const { exit } = death
    switch (this.#phase.name) {
      case 'queued':
      case 'running':
      case 'stopping': {
        const error = outcomeErrorFrom(deathError(death))
        return { ...this.#hostFacts(), status: 'crashed', state: 'lost', error, exit }
      }
      case 'killing': {
        const { reason: status, why } = this.#phase
        const error = outcomeErrorFrom(sessionErrors.KILLED({ why }))
        const stopped = status === 'crashed' ? {} : { cancelRung: 3 as const }
        return { ...this.#hostFacts(), status, state: 'lost', error, ...stopped, exit }
      }
      case 'draining':
        return { ...this.#told(this.#phase.message), state: 'lost', exit }
      case 'recovering':
      case 'settled':
        return undefined
    }
  }

  #told(message: TerminalMessage): Outcome {
    const { droppedBytes: bytes, droppedChunks: chunks } = this.#events
    const outcome = this.#withEffects(outcomeOf(message, { bytes, chunks }))
    return this.#stateAfter === 'kept' ? outcome : { ...outcome, state: this.#stateAfter }
  }

  #withEffects(outcome: Outcome): Outcome {
    if (outcome.transaction === undefined || this.effects === undefined) return outcome
    return { ...outcome, transaction: { ...outcome.transaction, effects: this.effects.list } }
  }

  #settle(outcome: Outcome): void {
    const phase = this.#phase
    if (phase.name === 'settled') return
    const wasSent = phase.name === 'recovering' ? phase.wasSent : phase.name !== 'queued'
    this.#phase = { name: 'settled', outcome }
    this.#stopTimers()
    this.#stopListening?.()
    this.#inputs = undefined
    this.#displays = undefined
    this.#events.release()
    this.#ports.settled(outcome)
    this.#resolvers?.resolve(outcome)
    this.#events.close()
    this.witness?.ended(wasSent ? outcome : undefined)
  }

  #stopTimers(): void {
    this.#timeout?.cancel()
    this.#grace?.timer.cancel()
  }

  #hostFacts(): Pick<Outcome, 'executionId' | 'durationMs' | 'output'> {
    const { receivedBytes: bytes, droppedBytes, droppedChunks } = this.#events
    const durationMs = this.#phase.name === 'queued' ? 0 : this.#ports.clock.now() - this.#startedMs
    return { executionId: this.executionId, durationMs, output: { bytes, droppedBytes, droppedChunks } }
  }

  #giveGrace(graceMs: number): void {
    const { clock } = this.#ports
    const dueMs = clock.now() + graceMs
    if (this.#grace !== undefined && this.#grace.dueMs <= dueMs) return
    this.#grace?.timer.cancel()
    const timer = clock.setTimer(graceMs, () => {
      this.kill(`it did not end within ${graceMs} ms`)
      this.#ports.kill(this.executionId)
    })
    this.#grace = { timer, dueMs }
  }
}

/** Its worker may still send events of it. */
function isInFlight(name: Phase['name']): boolean {
  return name === 'running' || name === 'stopping' || name === 'killing'
}
