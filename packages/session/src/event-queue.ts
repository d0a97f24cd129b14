import { type Channel, createChannel } from '@capsule/core'
import {
  creditedBytes,
  type ErrorMessage,
  type InputRequestMessage,
  type OutputMessage,
  type ProgressMessage,
} from '@capsule/protocol'
import { outcomeErrorOf } from './outcome.ts'
import type { ExecutionEvent } from './session.ts'

/** What of a worker's messages becomes an event. */
export type EventMessage =
  | OutputMessage
  | ProgressMessage
  | InputRequestMessage
  | Extract<ErrorMessage, { terminal: false }>

export interface EventQueueOptions {
  /** How much is kept when nobody reads. */
  readonly outputWindowBytes: number
  /** So many bytes of output are taken: the worker may send as many more. */
  readonly credit: (bytes: number) => void
  /** How much waits for a reader now. */
  readonly hold: (bytes: number) => void
  /** Other executions have the same thread: it is not to wait for the reader of this one. @defaultValue none have */
  readonly isShared?: () => boolean
}

// a reader may lag this far behind a worker that nothing slows down (native writers, stopped cells)
const unboundedSourceBytes = 16 * 1024 * 1024
// what an event that is not output weighs beside its texts
const eventBytes = 128

/**
 * The events of one execution between the wire and their reader. A reader that takes them gives credit back. Where nobody
 * is to be waited for (released, abandoned, or only the outcome is wanted), or nobody may be (other executions run as
 * well), credit is given at once, and past a bound the oldest text is dropped and counted.
 */
export class EventQueue {
  readonly #options: EventQueueOptions
  /** Made when the first event or reader comes: most executions have neither. */
  #events: Channel<ExecutionEvent> | undefined
  #isClosed = false
  #hasReader = false
  #isOutcomeWanted = false
  #isReleased = false
  #wasShared = false
  /** Output received and not yet credited. */
  #owedBytes = 0
  /** What of it is owed for the display that is coming in. */
  #partBytes = 0
  /** Of what waits, the oldest so many bytes came while nobody was to wait for them. */
  #freeBytes = 0
  readonly #displayWeights = new WeakMap<ExecutionEvent, number>()
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

  /** Another execution runs beside this one now. */
  share(): void {
    this.#update()
  }

  /** The last event is in; what is queued stays for its reader, and is the caller's memory. */
  close(): void {
    this.release()
    this.#isClosed = true
    this.#events?.close()
  }

  push(event: ExecutionEvent): void {
    if (event.type === 'output' || event.type === 'progress') {
      const bytes = weightOf(event)
      this.receivedBytes += bytes
      this.#owedBytes += bytes
    }
    if (event.type === 'display' && this.#partBytes > 0) {
      this.#displayWeights.set(event, this.#partBytes)
      this.#partBytes = 0
    }
    this.#channel().push(event)
    this.#update()
  }

  /**
   * A part of a display has come, the last one too. Its reader cannot take it before it is whole, so beyond half a window
   * (the steps in which credit is granted) it is paid for at once, and the display weighs no more than that.
   */
  part(bytes: number, { isFirst }: { isFirst: boolean }): void {
    if (isFirst) this.#payParts(this.#partBytes)
    this.receivedBytes += bytes
    this.#owedBytes += bytes
    this.#partBytes += bytes
    // unfinished displays of several executions must not use up the window together; each then weighs what it has
    const keptBytes = this.#options.isShared?.() === true ? 0 : Math.floor(this.#options.outputWindowBytes / 2)
    this.#payParts(this.#partBytes - keptBytes)
  }

  #payParts(bytes: number): void {
    const paidBytes = Math.min(bytes, this.#owedBytes)
    if (paidBytes <= 0) return
    this.#partBytes -= paidBytes
    this.#pay(paidBytes)
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
        weigh: (event) => this.#displayWeights.get(event) ?? weightOf(event),
        onTake: (_event, weight) => this.#onTake(weight),
        onAbandon: () => this.#update(),
      })
      if (this.#isClosed) this.#events.close()
    }
    return this.#events
  }

  #onTake(weight: number): void {
    if (this.#isClosed) return
    this.#freeBytes = Math.max(0, this.#freeBytes - weight)
    this.#pay(Math.min(weight, this.#owedBytes))
    this.#update()
  }

  #update(): void {
    const events = this.#events
    if (events === undefined || this.#isClosed) return
    const isUnread = this.#isOutcomeWanted && !this.#hasReader
    const isShared = this.#options.isShared?.() === true
    this.#wasShared ||= isShared
    if (!this.#isReleased && !events.isAbandoned && !isUnread && !isShared) {
      return this.#options.hold(Math.max(0, events.size - this.#freeBytes))
    }
    this.#pay(this.#owedBytes)
    // its reader may come when the others have had theirs, and it has ended by then
    const isReadLater = this.#wasShared && !isUnread
    const limitBytes = this.#hasReader || isReadLater ? unboundedSourceBytes : this.#options.outputWindowBytes
    while (events.size > limitBytes) {
      const dropped = events.shift()
      if (dropped !== undefined) this.#countDrop(dropped)
    }
    this.#freeBytes = events.size
    this.#options.hold(0)
  }

  #pay(bytes: number): void {
    this.#owedBytes -= bytes
    if (bytes > 0) this.#options.credit(bytes)
  }

  #countDrop(event: ExecutionEvent): void {
    if (event.type !== 'output' && event.type !== 'display') return
    this.droppedBytes += this.#displayWeights.get(event) ?? weightOf(event)
    this.droppedChunks++
  }
}

/** What an event weighs in its queue: for what takes credit, the bytes that are credited for it. */
export function weightOf(event: ExecutionEvent): number {
  switch (event.type) {
    case 'output':
    case 'progress':
      return creditedBytes(event as OutputMessage | ProgressMessage)
    case 'display':
      return Object.values(event.data).reduce<number>((sum, content) => sum + contentLength(content), eventBytes)
    case 'input-request':
      return eventBytes + event.prompt.length
    case 'approval-request':
      return eventBytes + event.summary.length
    case 'error':
      return eventBytes + event.error.message.length + (event.error.stack?.length ?? 0)
  }
}

function contentLength(content: unknown): number {
  return typeof content === 'string' || content instanceof Uint8Array ? content.length : JSON.stringify(content).length
}

/** A validated message as the event that callers see. */
export function eventOf(executionId: string, message: EventMessage): ExecutionEvent {
  switch (message.type) {
    case 'output': {
      const { type, stream, text, late } = message
      return late ? { type, executionId, stream, text, late } : { type, executionId, stream, text }
    }
    case 'progress': {
      const { type, done, total, text } = message
      return { type, executionId, done, ...(total !== undefined && { total }), ...(text !== undefined && { text }) }
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
