import type { CapsuleError } from '@capsule/core'
import { streamCost, type StreamDataMessage, type WireError } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import { copyOf } from './primordials.ts'
import { LinkedList, type ListEntry } from './linked-list.ts'
import { type ChunkKind, mayCost, type Waiting } from './write-half.ts'

export type ReadResult =
  | { readonly is: 'chunk'; readonly kind: ChunkKind; readonly data: Uint8Array }
  | { readonly is: 'end' }
  | { readonly is: 'failure'; readonly error: CapsuleError }

interface Arrived extends ListEntry<Arrived> {
  readonly message: StreamDataMessage
}

interface PendingRead extends ListEntry<PendingRead> {
  readonly settled: (result: ReadResult) => void
}

export interface ReadHalfOptions {
  readonly name: string
  readonly windowBytes: number
  readonly grant: (bytes: number) => void
  /** Says that no more is taken. */
  readonly sendCancel: (reason: WireError | undefined) => void
  /** Nothing that had arrived is left. */
  readonly emptied: () => void
}

// a smaller piece could keep alive the much larger memory that it arrived in
const sharedMemoryBytes = 16 * 1024

/** What this side reads out of a channel: chunks in order, then the end or the failure. */
export class ReadHalf {
  readonly #options: ReadHalfOptions
  #state: 'open' | 'cancelled' | 'closed' = 'open'
  readonly #arrived = new LinkedList<Arrived>()
  readonly #reads = new LinkedList<PendingRead>()
  /** Told once, behind all data. */
  #failure: CapsuleError | undefined
  #cancellation: WireError | undefined
  /** What the peer may still send. */
  #grantedBytes: number
  /** Taken by the reader, and not granted again. */
  #takenBytes = 0
  #windowBytes: number

  constructor(options: ReadHalfOptions) {
    this.#options = options
    this.#windowBytes = options.windowBytes
    this.#grantedBytes = options.windowBytes
  }

  get state(): 'open' | 'cancelled' | 'closed' {
    return this.#state
  }

  get cancellation(): WireError | undefined {
    return this.#cancellation
  }

  get isEmpty(): boolean {
    return this.#arrived.first === undefined
  }

  /** Sets the window while the peer has not been granted any. */
  setWindow(windowBytes: number): void {
    this.#windowBytes = windowBytes
    this.#grantedBytes = windowBytes
  }

  read(settled: (result: ReadResult) => void): Waiting | undefined {
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) {
      settled(this.#taken(arrived.message))
      if (this.isEmpty) this.#options.emptied()
      return undefined
    }
    if (this.#state !== 'open') {
      settled(this.#last())
      return undefined
    }
    const read: PendingRead = { settled }
    this.#reads.push(read)
    return { withdraw: () => void this.#reads.remove(read) }
  }

  /** No more is taken: what has arrived is dropped. */
  cancel(reason: WireError | undefined): void {
    while (!this.isEmpty) this.#arrived.shift()
    this.#failure = undefined
    if (this.#state === 'open') {
      this.#state = 'cancelled'
      this.#cancellation = reason
      this.#settleReads()
      this.#options.sendCancel(reason)
    }
    this.#options.emptied()
  }

  /** `false`: the peer must not send this. */
  receive(message: StreamDataMessage): boolean {
    const cost = streamCost(message)
    if (this.#state === 'closed' || !mayCost(cost, this.#grantedBytes, this.#windowBytes)) return false
    this.#grantedBytes -= cost
    if (this.#state === 'cancelled') return true
    if (isAsk(message) && this.isEmpty) {
      this.#take(message)
      return true
    }
    const read = this.#reads.shift()
    if (read === undefined) this.#arrived.push({ message: withOwnMemory(message) })
    else read.settled(this.#taken(message))
    return true
  }

  /** The peer sends no more. `false`: it has said so before. */
  close(failure: CapsuleError | undefined): boolean {
    if (this.#state === 'closed') return false
    if (this.#state === 'open') this.#failure = failure
    this.#state = 'closed'
    this.#settleReads()
    return true
  }

  #taken(message: StreamDataMessage): ReadResult {
    this.#take(message)
    for (let next = this.#arrived.first; next !== undefined && isAsk(next.message); next = this.#arrived.first) {
      this.#arrived.shift()
      this.#take(next.message)
    }
    return { is: 'chunk', kind: message.kind, data: message.data }
  }

  #take(message: StreamDataMessage): void {
    this.#takenBytes += streamCost(message)
    // in steps, so that a fast reader costs few messages
    this.#returnCredit(isAsk(message) ? 1 : this.#windowBytes / 2)
  }

  #returnCredit(leastBytes: number): void {
    if (this.#state !== 'open' || this.#takenBytes < leastBytes) return
    const bytes = this.#takenBytes
    this.#takenBytes = 0
    this.#grantedBytes += bytes
    this.#options.grant(bytes)
  }

  #settleReads(): void {
    for (let read = this.#reads.shift(); read !== undefined; read = this.#reads.shift()) read.settled(this.#last())
  }

  #last(): ReadResult {
    const error = this.#failure
    if (error === undefined) return { is: 'end' }
    this.#failure = undefined
    return { is: 'failure', error }
  }
}

/** An empty piece of bytes: the peer needs more of the window than the steps bring. */
const isAsk = ({ kind, data }: StreamDataMessage): boolean => kind === 'bytes' && data.length === 0

function withOwnMemory(message: StreamDataMessage): StreamDataMessage {
  const { data } = message
  const isOwn = data.length >= sharedMemoryBytes || data.length === data.buffer.byteLength
  return isOwn ? message : { ...message, data: copyOf(data) }
}

/** What the peer ended its side with. */
export function failureOf(name: string, error: WireError): CapsuleError {
  return transportErrors.STREAM_FAILED({ name, error })
}
