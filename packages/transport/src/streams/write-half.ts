import type { CapsuleError } from '@capsule/core'
import { type StreamDataMessage, streamLimits, type WireError } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import { copyOf, floor, max, min, viewOf } from './primordials.ts'
import { LinkedList, type ListEntry } from './linked-list.ts'

export type ChunkKind = StreamDataMessage['kind']
export type Settled = (error: CapsuleError | undefined) => void

/** A read or write that waits. */
export interface Waiting {
  /** It is no longer wanted, and is not told how it ends. A byte chunk of which a piece was sent still goes out whole. */
  withdraw(): void
}

interface PendingWrite extends ListEntry<PendingWrite> {
  readonly kind: ChunkKind
  data: Uint8Array
  sentBytes: number
  hasAsked: boolean
  settled: Settled
}

interface EndWaiter extends ListEntry<EndWaiter> {
  readonly settled: Settled
}

export interface WriteHalfOptions {
  readonly name: string
  readonly pieceBytes: number
  /** Pieces need memory of their own, because they are handed on and not encoded at once. */
  readonly copiesData: boolean
  /** There may be something that the credit allows. */
  readonly wantsToSend: () => void
  /** Sends that nothing more comes. */
  readonly sendClose: (error: WireError | undefined) => void
}

const { messageBytes } = streamLimits
const nothing = (): void => {}

/** Whether the credit allows a message: one that costs more than the whole window needs it whole. */
export function mayCost(cost: number, creditBytes: number, windowBytes: number): boolean {
  return cost <= creditBytes || (cost > windowBytes && creditBytes >= windowBytes)
}

/** What this side writes into a channel: chunks in order within the credit, then the close. */
export class WriteHalf {
  readonly #options: WriteHalfOptions
  #state: 'open' | 'ending' | 'closed' = 'open'
  readonly #writes = new LinkedList<PendingWrite>()
  readonly #endWaiters = new LinkedList<EndWaiter>()
  #endError: WireError | undefined
  #refusal: CapsuleError | undefined
  #creditBytes = 0
  /** Undefined: the peer has not accepted. */
  #windowBytes: number | undefined
  #pieceBytes = 1

  constructor(options: WriteHalfOptions) {
    this.#options = options
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get endError(): WireError | undefined {
    return this.#endError
  }

  get canSend(): boolean {
    const write = this.#writes.first
    return write !== undefined && (this.#mayWrite(write) || this.#shouldAsk(write))
  }

  /** The peer has accepted, and takes this much at first. */
  accept(windowBytes: number): void {
    this.#windowBytes = windowBytes
    this.#creditBytes = windowBytes
    this.#pieceBytes = min(this.#options.pieceBytes, max(1, floor(windowBytes / 2) - messageBytes))
    this.#options.wantsToSend()
  }

  credit(bytes: number): void {
    this.#creditBytes += bytes
    this.#options.wantsToSend()
  }

  /** `settled` when the last of it was sent. The bytes must stay as they are until then. */
  write(kind: ChunkKind, data: Uint8Array, settled: Settled): Waiting | undefined {
    const isNothing = kind === 'bytes' && data.length === 0
    if (this.#state !== 'open' || isNothing) {
      settled(this.#state === 'open' ? undefined : this.#refused())
      return undefined
    }
    const write: PendingWrite = { kind, data, sentBytes: 0, hasAsked: false, settled }
    this.#writes.push(write)
    this.#options.wantsToSend()
    return { withdraw: () => this.#withdraw(write) }
  }

  /** Closes behind what was written; `settled` when that is sent. */
  end(error: WireError | undefined, settled: Settled): Waiting | undefined {
    if (this.#state === 'closed') {
      settled(undefined)
      return undefined
    }
    if (this.#state === 'open') {
      this.#state = 'ending'
      this.#endError = error
    }
    const waiter: EndWaiter = { settled }
    this.#endWaiters.push(waiter)
    this.#closeWhenWritten()
    return { withdraw: () => void this.#endWaiters.remove(waiter) }
  }

  /** Drops what was written and not sent, also the rest of a chunk. */
  discard(): void {
    const error = transportErrors.STREAM_ENDED({ name: this.#options.name })
    for (let write = this.#writes.shift(); write !== undefined; write = this.#writes.shift()) write.settled(error)
  }

  /** Nobody takes what is written: refuses what waits and what comes, and says that nothing comes. */
  refuse(error: CapsuleError, { isPeerGone = false }: { isPeerGone?: boolean } = {}): void {
    if (this.#state === 'closed') return
    this.#refusal = error
    this.#state = 'closed'
    for (let write = this.#writes.shift(); write !== undefined; write = this.#writes.shift()) write.settled(error)
    for (let end = this.#endWaiters.shift(); end !== undefined; end = this.#endWaiters.shift()) end.settled(error)
    if (!isPeerGone) this.#options.sendClose(undefined)
  }

  /** Sends the next message that the credit allows, if there is one. */
  sendNext(streamId: string, send: (message: StreamDataMessage) => void): void {
    const write = this.#writes.first
    if (write === undefined) return
    if (!this.#mayWrite(write)) {
      if (this.#shouldAsk(write)) this.#ask(write, streamId, send)
      return
    }
    const start = write.sentBytes
    const end = start + this.#nextLength(write)
    const { kind, data } = write
    write.sentBytes = end
    this.#creditBytes -= end - start + messageBytes
    if (end === data.length) this.#writes.remove(write)
    send({ type: 'stream-data', streamId, kind, data: this.#pieceOf(data, start, end) })
    if (end < data.length) return
    write.settled(undefined)
    this.#closeWhenWritten()
  }

  #mayWrite(write: PendingWrite): boolean {
    const windowBytes = this.#windowBytes
    return windowBytes !== undefined && mayCost(this.#costOf(write), this.#creditBytes, windowBytes)
  }

  /** The peer returns credit by half a window, which may never come to enough for more than that. */
  #shouldAsk(write: PendingWrite): boolean {
    const windowBytes = this.#windowBytes
    if (windowBytes === undefined || write.hasAsked || this.#costOf(write) * 2 <= windowBytes) return false
    return mayCost(messageBytes, this.#creditBytes, windowBytes)
  }

  /** An empty piece: the peer returns all credit when it comes to it. */
  #ask(write: PendingWrite, streamId: string, send: (message: StreamDataMessage) => void): void {
    write.hasAsked = true
    this.#creditBytes -= messageBytes
    send({ type: 'stream-data', streamId, kind: 'bytes', data: this.#pieceOf(write.data, 0, 0) })
  }

  #costOf(write: PendingWrite): number {
    return this.#nextLength(write) + messageBytes
  }

  #pieceOf(data: Uint8Array, start: number, end: number): Uint8Array {
    return this.#options.copiesData ? copyOf(data, start, end) : viewOf(data, start, end)
  }

  #nextLength({ kind, data, sentBytes }: PendingWrite): number {
    const rest = data.length - sentBytes
    return kind === 'value' ? rest : min(rest, this.#pieceBytes)
  }

  #withdraw(write: PendingWrite): void {
    if (write.isListed !== true) return
    write.settled = nothing
    if (write.sentBytes === 0) {
      this.#writes.remove(write)
      this.#closeWhenWritten()
    } else {
      // whoever withdrew it may use its memory again
      write.data = copyOf(write.data, write.sentBytes)
      write.sentBytes = 0
    }
  }

  #closeWhenWritten(): void {
    if (this.#state !== 'ending' || this.#writes.first !== undefined) return
    this.#state = 'closed'
    this.#options.sendClose(this.#endError)
    for (let end = this.#endWaiters.shift(); end !== undefined; end = this.#endWaiters.shift()) end.settled(undefined)
  }

  #refused(): CapsuleError {
    return this.#refusal ?? transportErrors.STREAM_ENDED({ name: this.#options.name })
  }
}
