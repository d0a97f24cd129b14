import { type Channel, type Clock, createChannel, type Timer } from '@capsule/core'
import type {
  CellMode,
  ErrorMessage,
  ExecuteMessage,
  HostMessage,
  InputRequestMessage,
  OutputMessage,
} from '@capsule/protocol'
import { sessionErrors } from './errors.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import { outcomeErrorFrom, outcomeErrorOf, outcomeOf, type TerminalMessage } from './outcome.ts'
import type { Execution, ExecutionEvent, Outcome } from './session.ts'

/** What an execution needs of its session. */
export interface ExecutionPorts {
  readonly clock: Clock
  readonly cooperativeMs: number
  readonly outputWindowBytes: number
  /** @throws FRAME_TOO_LARGE, FRAME_TOO_DEEP */
  send(message: HostMessage): void
  /** So many bytes of output are taken: the worker may send as many more. */
  credit(bytes: number): void
  /** How much is queued now; too much pauses the transport. */
  hold(bytes: number): void
  /** Calls back when all that was written on fd 1 and 2 before this fence has been read. */
  fence(fence: number, then: () => void): void
  /** The grace is over: end the worker. `workerDied` follows. */
  kill(): void
  /** Called once, before anyone else learns of the outcome. */
  settled(outcome: Outcome): void
}

export interface ExecutionRequest {
  readonly message: ExecuteMessage
  readonly timeoutMs: number
  readonly graceMs: number
  readonly signal?: AbortSignal | undefined
}

export type StopReason = 'cancelled' | 'timed-out'

type Phase =
  | { readonly name: 'queued' }
  | { readonly name: 'running' }
  /** The worker was told to stop it. */
  | { readonly name: 'stopping'; readonly reason: StopReason }
  /** The worker is being killed because of it. */
  | { readonly name: 'killing'; readonly reason: StopReason; readonly why: string }
  /** The terminal message is here; text on fd 1 and 2 may still come. */
  | { readonly name: 'draining'; readonly message: TerminalMessage }
  | { readonly name: 'settled'; readonly outcome: Outcome }

// after a stop the worker gets credit without limit; a reader may lag behind this far before the oldest text is dropped
const stoppedQueueBytes = 16 * 1024 * 1024
// what one event that is not output weighs beside its texts
const eventBytes = 128

/** One run of one cell on the host side: its queue of events and the one race for its outcome. */
export class CellExecution implements Execution {
  readonly executionId: string
  readonly #ports: ExecutionPorts
  readonly #request: ExecutionRequest
  readonly #events: Channel<ExecutionEvent>
  readonly #inputs = new Set<string>()
  #phase: Phase = { name: 'queued' }
  #resolvers: PromiseWithResolvers<Outcome> | undefined
  /** Someone reads the events. */
  #isAttached = false
  /** Someone wants the outcome. */
  #isAwaited = false
  #isAcknowledged = false
  #stateAfter: 'kept' | 'lost' = 'kept'
  #startedMs: number
  #timeout: Timer | undefined
  #grace: { readonly timer: Timer; readonly dueMs: number } | undefined
  // output received and not yet credited
  #owedBytes = 0
  #receivedBytes = 0
  #droppedBytes = 0
  #droppedChunks = 0

  constructor(ports: ExecutionPorts, request: ExecutionRequest) {
    this.executionId = request.message.executionId
    this.#ports = ports
    this.#request = request
    this.#startedMs = ports.clock.now()
    this.#events = createChannel<ExecutionEvent>({
      weigh: weightOf,
      onTake: (_event, weight) => this.#taken(weight),
      onAbandon: () => this.#release(),
    })
    request.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get outcome(): Promise<Outcome> {
    if (!this.#isAwaited) {
      this.#isAwaited = true
      if (this.#isFree) this.#release()
    }
    return this.settlement
  }

  /** As `outcome`, but asking for it changes nothing about who reads the events. */
  get settlement(): Promise<Outcome> {
    if (this.#resolvers === undefined) {
      this.#resolvers = Promise.withResolvers()
      if (this.#phase.name === 'settled') this.#resolvers.resolve(this.#phase.outcome)
    }
    return this.#resolvers.promise
  }

  [Symbol.asyncIterator](): AsyncIterator<ExecutionEvent, undefined> {
    this.#isAttached = true
    return this.#events
  }

  async respond(inputId: string, answer: string | null): Promise<void> {
    if (!this.#inputs.has(inputId)) {
      throw sessionErrors.INPUT_NOT_PENDING({ inputId, executionId: this.executionId })
    }
    this.#ports.send({
      type: 'input-response',
      executionId: this.executionId,
      inputId,
      answer: answer === null ? { kind: 'eof' } : { kind: 'text', text: answer },
    })
    this.#inputs.delete(inputId)
  }

  cancel({ graceMs = this.#request.graceMs }: { graceMs?: number } = {}): Promise<Outcome> {
    this.stop('cancelled', graceMs)
    return this.outcome
  }

  /** Waits for a worker; a signal that has fired already ends it here. */
  enqueue(): void {
    if (this.#request.signal?.aborted) this.#dropQueued()
  }

  /** Sends the request. @throws FRAME_TOO_LARGE: nothing was sent, and the execution stays queued */
  start(): void {
    if (this.#phase.name !== 'queued') return
    if (this.#request.signal?.aborted) return this.#dropQueued()
    this.#phase = { name: 'running' }
    try {
      this.#ports.send(this.#request.message)
    } catch (error) {
      this.#phase = { name: 'queued' }
      this.#stopListening()
      throw error
    }
    const { clock } = this.#ports
    this.#startedMs = clock.now()
    const { timeoutMs, graceMs } = this.#request
    if (timeoutMs !== Infinity) {
      this.#timeout = clock.setTimer(timeoutMs, () => this.stop('timed-out', graceMs))
    }
  }

  /** Asks the worker to stop it, and kills the worker after the grace. The first reason counts, and the shortest grace. */
  stop(reason: StopReason, graceMs: number, request?: HostMessage): void {
    switch (this.#phase.name) {
      case 'queued':
        return this.#dropQueued()
      case 'running': {
        this.#phase = { name: 'stopping', reason }
        const { cooperativeMs } = this.#ports
        this.#ports.send(request ?? { type: 'cancel', executionId: this.executionId, reason, cooperativeMs })
        this.#release()
        return this.#giveGrace(graceMs)
      }
      case 'stopping':
        return this.#giveGrace(graceMs)
      case 'killing':
      case 'draining':
      case 'settled':
    }
  }

  /** The session closes: an outcome may still come within the grace, but no namespace will be left. */
  end(graceMs: number): void {
    this.#stateAfter = 'lost'
    this.stop('cancelled', graceMs)
  }

  /** The session ends this worker: what comes now does not count, but what has come is delivered. */
  kill(why: string): void {
    switch (this.#phase.name) {
      case 'queued':
        return this.#dropQueued()
      case 'running':
      case 'stopping': {
        const reason = this.#phase.name === 'stopping' ? this.#phase.reason : 'cancelled'
        this.#phase = { name: 'killing', reason, why }
        return this.#release()
      }
      case 'killing':
      case 'draining':
      case 'settled':
    }
  }

  /** Settles an execution that the worker never saw. */
  refuse(
    status: 'error' | 'cancelled' | 'crashed',
    state: Outcome['state'],
    facts: Pick<Outcome, 'error' | 'exit'>,
  ): void {
    this.#settle({ ...this.#hostFacts(), status, state, ...facts })
  }

  /** `false`: a violation. */
  acknowledge(): boolean {
    const isFirst = !this.#isAcknowledged
    this.#isAcknowledged = true
    return isFirst
  }

  /** `false`: nothing that this execution can take now. */
  receive(message: OutputMessage | InputRequestMessage | Extract<ErrorMessage, { terminal: false }>): boolean {
    const { name } = this.#phase
    if (name === 'queued' || name === 'draining' || name === 'settled') return false
    if (message.type === 'input-request') {
      if (this.#inputs.has(message.inputId)) return false
      this.#inputs.add(message.inputId)
    }
    const event = eventOf(this.executionId, message)
    if (event.type === 'output') {
      const bytes = weightOf(event)
      this.#receivedBytes += bytes
      if (this.#isFree) this.#ports.credit(bytes)
      else this.#owedBytes += bytes
    }
    this.#push(event)
    return true
  }

  /** Text on fd 1 or 2 while this execution ran. */
  stray(stream: 'stdout' | 'stderr', text: string): void {
    const event = { type: 'output', executionId: this.executionId, stream, text } as const
    // nothing slows a native writer down, so what a reader does not take in time is dropped
    if (this.#events.size > stoppedQueueBytes) return this.#countDrop(event)
    this.#push(event)
  }

  /** `false`: a terminal message that cannot be for this execution now. */
  terminal(message: TerminalMessage): boolean {
    const { name } = this.#phase
    if (name !== 'running' && name !== 'stopping') return name === 'killing'
    this.#phase = { name: 'draining', message }
    this.#release()
    if (message.fence === undefined) this.#settle(this.#told(message))
    else this.#ports.fence(message.fence, () => this.#settle(this.#told(message)))
    return this.#isAcknowledged
  }

  /** The worker is gone; all that it had sent was received before. */
  workerDied(death: WorkerDeath): void {
    const { exit } = death
    switch (this.#phase.name) {
      case 'queued':
      case 'running':
      case 'stopping':
        return this.refuse('crashed', 'lost', { error: outcomeErrorFrom(deathError(death)), exit })
      case 'killing': {
        const { reason, why } = this.#phase
        const error = outcomeErrorFrom(sessionErrors.KILLED({ why }))
        return this.#settle({ ...this.#hostFacts(), status: reason, state: 'lost', error, cancelRung: 3, exit })
      }
      case 'draining':
        return this.#settle({ ...this.#told(this.#phase.message), state: 'lost', exit })
      case 'settled':
    }
  }

  #told(message: TerminalMessage): Outcome {
    const outcome = outcomeOf(message, { bytes: this.#droppedBytes, chunks: this.#droppedChunks })
    return this.#stateAfter === 'kept' ? outcome : { ...outcome, state: this.#stateAfter }
  }

  #settle(outcome: Outcome): void {
    if (this.#phase.name === 'settled') return
    this.#phase = { name: 'settled', outcome }
    this.#timeout?.cancel()
    this.#grace?.timer.cancel()
    this.#stopListening()
    this.#inputs.clear()
    // what is queued is the caller's memory from here on; the next cell gets the whole window
    this.#release()
    this.#ports.hold(0)
    this.#ports.settled(outcome)
    this.#resolvers?.resolve(outcome)
    this.#events.close()
  }

  #dropQueued(): void {
    const error = outcomeErrorFrom(sessionErrors.DROPPED({ executionId: this.executionId }))
    this.#settle({ ...this.#hostFacts(), status: 'cancelled', state: 'kept', error, cancelRung: 0 })
  }

  #hostFacts(): Pick<Outcome, 'executionId' | 'durationMs' | 'output'> & { mode?: CellMode } {
    return {
      executionId: this.executionId,
      durationMs: this.#ports.clock.now() - this.#startedMs,
      output: { bytes: this.#receivedBytes, droppedBytes: this.#droppedBytes, droppedChunks: this.#droppedChunks },
    }
  }

  #giveGrace(graceMs: number): void {
    const { clock } = this.#ports
    const dueMs = clock.now() + graceMs
    if (this.#grace !== undefined && this.#grace.dueMs <= dueMs) return
    this.#grace?.timer.cancel()
    const timer = clock.setTimer(graceMs, () => {
      this.kill(`it did not end within ${graceMs} ms`)
      this.#ports.kill()
    })
    this.#grace = { timer, dueMs }
  }

  /** Output is credited as it comes: nobody is to wait for a reader. */
  get #isFree(): boolean {
    return this.#phase.name !== 'running' || this.#events.isAbandoned || (this.#isAwaited && !this.#isAttached)
  }

  #release(): void {
    if (this.#owedBytes > 0) this.#ports.credit(this.#owedBytes)
    this.#owedBytes = 0
    this.#dropOldest()
    this.#ports.hold(this.#isFree ? 0 : this.#events.size)
  }

  #push(event: ExecutionEvent): void {
    this.#events.push(event)
    if (this.#isFree) this.#dropOldest()
    else this.#ports.hold(this.#events.size)
  }

  // only where output is credited freely; else back-pressure bounds the queue
  #dropOldest(): void {
    if (this.#phase.name === 'settled') return
    const limitBytes = this.#isAttached ? stoppedQueueBytes : this.#ports.outputWindowBytes
    while (this.#events.size > limitBytes) {
      const dropped = this.#events.shift()
      if (dropped !== undefined) this.#countDrop(dropped)
    }
  }

  #countDrop(event: ExecutionEvent): void {
    if (event.type !== 'output') return
    this.#droppedBytes += weightOf(event)
    this.#droppedChunks++
  }

  #taken(weight: number): void {
    const bytes = Math.min(weight, this.#owedBytes)
    if (bytes > 0) {
      this.#owedBytes -= bytes
      this.#ports.credit(bytes)
    }
    if (!this.#isFree) this.#ports.hold(this.#events.size)
  }

  readonly #onAbort = (): void => this.stop('cancelled', this.#request.graceMs)

  #stopListening(): void {
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** What an event weighs in its queue: for output, the bytes that are credited for it. */
function weightOf(event: ExecutionEvent): number {
  switch (event.type) {
    case 'output':
      return Buffer.byteLength(event.text)
    case 'input-request':
      return eventBytes + event.prompt.length
    case 'error':
      return eventBytes + event.error.message.length + (event.error.stack?.length ?? 0)
  }
}

/** A validated message as the event that callers see. */
export function eventOf(
  executionId: string,
  message: OutputMessage | InputRequestMessage | Extract<ErrorMessage, { terminal: false }>,
): ExecutionEvent {
  switch (message.type) {
    case 'output': {
      const { type, stream, text, late } = message
      return late ? { type, executionId, stream, text, late } : { type, executionId, stream, text }
    }
    case 'input-request': {
      const { type, inputId, prompt, secret, timeoutMs } = message
      return {
        type,
        executionId,
        inputId,
        prompt,
        ...(secret && { secret }),
        ...(timeoutMs !== undefined && { timeoutMs }),
      }
    }
    case 'error':
      return { type: 'error', executionId, error: outcomeErrorOf(message.error), ...(message.late && { late: true }) }
  }
}
