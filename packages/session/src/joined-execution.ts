import { sessionErrors } from './errors.ts'
import { EventQueue } from './event-queue.ts'
import type { IdempotencyRecord, RecordFollower } from './idempotency.ts'
import type { Outcome } from './outcome.ts'
import type { ApproveOptions, DenyOptions, ExecuteOptions, Execution, ExecutionEvent } from './session.ts'

/** One more handle on an execution that another call with the same key has started; it runs nothing. */
export class JoinedExecution implements Execution, RecordFollower {
  readonly executionId: string
  readonly outcome: Promise<Outcome>
  readonly #joined: IdempotencyRecord['state']
  /** Recorded before this handle was made. */
  readonly #past: readonly ExecutionEvent[]
  readonly #isPastWhole: boolean
  readonly #live: EventQueue
  #iterator: AsyncIterator<ExecutionEvent, undefined> | undefined
  #stopListening: (() => void) | undefined

  constructor(record: IdempotencyRecord, { replay = false, signal }: ExecuteOptions, outputWindowBytes: number) {
    this.executionId = record.executionId
    this.#joined = record.state
    this.#past = replay ? record.events.slice() : []
    this.#isPastWhole = !replay || !record.isTruncated
    // the cell waits for its first reader only: this one is bounded by what it lets go
    this.#live = new EventQueue({ outputWindowBytes, credit: () => {}, hold: () => {} })
    this.#live.release()
    if (this.#joined.name === 'settled') {
      this.outcome = Promise.resolve(this.#joined.outcome)
      this.#live.close()
    } else {
      // this also keeps the cell from waiting for a first caller who reads nothing
      this.outcome = this.#joined.execution.outcome
      record.followers.add(this)
      this.#listen(signal)
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<ExecutionEvent, undefined> {
    this.#iterator ??= this.#read(this.#live.read())
    return this.#iterator
  }

  async respond(inputId: string, answer: string | null): Promise<void> {
    const { executionId } = this
    if (this.#joined.name === 'settled') throw sessionErrors.INPUT_NOT_PENDING({ inputId, executionId })
    await this.#joined.execution.respond(inputId, answer)
  }

  async approve(approvalId: string, options?: ApproveOptions): Promise<void> {
    await this.#awaitingApproval(approvalId).approve(approvalId, options)
  }

  async deny(approvalId: string, options?: DenyOptions): Promise<void> {
    await this.#awaitingApproval(approvalId).deny(approvalId, options)
  }

  cancel(options?: { graceMs?: number }): Promise<Outcome> {
    return this.#joined.name === 'settled' ? this.outcome : this.#joined.execution.cancel(options)
  }

  /** Whether an answer would still be taken; a replayed question was answered long ago. */
  isWaitingFor(inputId: string): boolean {
    return this.#joined.name === 'pending' && this.#joined.execution.isWaitingFor(inputId)
  }

  /** As `isWaitingFor`, of an approval. */
  isAwaitingApproval(approvalId: string): boolean {
    return this.#joined.name === 'pending' && this.#joined.execution.isAwaitingApproval(approvalId)
  }

  event(event: ExecutionEvent): void {
    this.#live.push(event)
  }

  ended(): void {
    this.#stopListening?.()
    this.#live.close()
  }

  #awaitingApproval(approvalId: string): Execution {
    const { executionId } = this
    if (this.#joined.name === 'settled') throw sessionErrors.APPROVAL_NOT_PENDING({ approvalId, executionId })
    return this.#joined.execution
  }

  async *#read(live: AsyncIterator<ExecutionEvent, undefined>): AsyncGenerator<ExecutionEvent, undefined> {
    const { executionId } = this
    const past = this.#past
    try {
      yield* past
      if (!this.#isPastWhole) throw sessionErrors.REPLAY_TRUNCATED({ executionId })
      yield* { [Symbol.asyncIterator]: () => live }
      if (this.#live.droppedChunks > 0) throw sessionErrors.REPLAY_TRUNCATED({ executionId })
    } finally {
      await live.return?.()
    }
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === undefined) return
    const onAbort = (): void => void this.cancel()
    signal.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal.removeEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  }
}
