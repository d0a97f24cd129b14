import { type Channel, createChannel } from '@capsule/core'
import type { ErrorMessage, InputRequestMessage, OutputMessage } from '@capsule/protocol'
import { outcomeErrorOf } from './outcome.ts'
import type { ExecutionEvent } from './session.ts'

/** What of a worker's messages becomes an event. */
export type EventMessage = OutputMessage | InputRequestMessage | Extract<ErrorMessage, { terminal: false }>

export interface EventQueueOptions {
  /** How much is kept when nobody reads. */
  readonly outputWindowBytes: number
  /** So many bytes of output are taken: the worker may send as many more. */
  readonly credit: (bytes: number) => void
  /** How much waits for a reader now. */
  readonly hold: (bytes: number) => void
}

// a reader may lag this far behind a worker that nothing slows down (native writers, stopped cells)
const unboundedSourceBytes = 16 * 1024 * 1024
// what an event that is not output weighs beside its texts
const eventBytes = 128

/**
 * The events of one execution between the wire and their reader. A reader that takes them gives credit back. Where nobody
 * is to be waited for (released, abandoned, or only the outcome is wanted) credit is given at once, and past a bound the
 * oldest text is dropped and counted.
 */
export class EventQueue {
  readonly #options: EventQueueOptions
  /** Made when the first event or reader comes: most executions have neither. */
  #events: Channel<ExecutionEvent> | undefined
  #isClosed = false
  #hasReader = false
  #isOutcomeWanted = false
  #isReleased = false
  /** Output received and not yet credited. */
  #owedBytes = 0
  receivedBytes = 0
  droppedBytes = 0
  droppedChunks = 0

  constructor(options: EventQueueOptions) {
    this.#options = options
  }

  read(): AsyncIterator<ExecutionEvent, undefined> {
    this.#hasReader = true
    return this.#channel()
  }

  /** Someone asked for the outcome; if nobody reads, nobody is going to. */
  wantOutcome(): void {
    if (this.#isOutcomeWanted) return
    this.#isOutcomeWanted = true
    this.#update()
  }

  /** From now on the worker is not to wait for a reader. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#update()
  }

  /** The last event is in; what is queued stays for its reader, and is the caller's memory. */
  close(): void {
    this.release()
    this.#isClosed = true
    this.#events?.close()
  }

  push(event: ExecutionEvent): void {
    if (event.type === 'output') {
      const bytes = weightOf(event)
      this.receivedBytes += bytes
      this.#owedBytes += bytes
    }
    this.#channel().push(event)
    this.#update()
  }

  /** Text that came past the credit: nothing slows its writer down, so what a reader leaves for too long is dropped. */
  pushStray(event: ExecutionEvent): void {
    const events = this.#channel()
    if (events.size > unboundedSourceBytes) return this.#countDrop(event)
    events.push(event)
    this.#update()
  }

  #channel(): Channel<ExecutionEvent> {
    if (this.#events === undefined) {
      this.#events = createChannel<ExecutionEvent>({
        weigh: weightOf,
        onTake: (_event, weight) => this.#onTake(weight),
        onAbandon: () => this.#update(),
      })
      if (this.#isClosed) this.#events.close()
    }
    return this.#events
  }

  #onTake(weight: number): void {
    if (this.#isClosed) return
    this.#pay(Math.min(weight, this.#owedBytes))
    this.#update()
  }

  #update(): void {
    const events = this.#events
    if (events === undefined || this.#isClosed) return
    const isFree = this.#isReleased || events.isAbandoned || (this.#isOutcomeWanted && !this.#hasReader)
    if (!isFree) return this.#options.hold(events.size)
    this.#pay(this.#owedBytes)
    const limitBytes = this.#hasReader ? unboundedSourceBytes : this.#options.outputWindowBytes
    while (events.size > limitBytes) {
      const dropped = events.shift()
      if (dropped !== undefined) this.#countDrop(dropped)
    }
    this.#options.hold(0)
  }

  #pay(bytes: number): void {
    this.#owedBytes -= bytes
    if (bytes > 0) this.#options.credit(bytes)
  }

  #countDrop(event: ExecutionEvent): void {
    if (event.type !== 'output') return
    this.droppedBytes += weightOf(event)
    this.droppedChunks++
  }
}

/** What an event weighs in its queue: for output, the bytes that are credited for it. */
export function weightOf(event: ExecutionEvent): number {
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
export function eventOf(executionId: string, message: EventMessage): ExecutionEvent {
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
    case 'error': {
      const error = outcomeErrorOf(message.error)
      return { type: 'error', executionId, error, ...(message.late && { late: true }) }
    }
  }
}
