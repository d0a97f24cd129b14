import type { CapsuleError } from '@capsule/core'
import type { StreamDataMessage, StreamMessage, WireError } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import type { ListEntry } from './linked-list.ts'
import { failureOf, ReadHalf } from './read-half.ts'
import { WriteHalf } from './write-half.ts'

/** What an end needs of its hub. */
export interface EndPorts {
  /** Messages that take no credit. */
  readonly send: (message: Exclude<StreamMessage, StreamDataMessage>) => void
  /** The end may have data to send: the hub lets it when its turn comes. */
  readonly wantsToSend: (end: StreamEnd) => void
  /** Nothing more is sent or received under its id. */
  readonly finished: (end: StreamEnd) => void
  /** It is finished, and nothing that arrived is left. */
  readonly over: (end: StreamEnd) => void
  readonly pieceBytes: number
  readonly copiesData: boolean
}

export interface EndOptions {
  readonly streamId: string
  readonly name: string
  readonly windowBytes: number
  readonly ports: EndPorts
}

/**
 * This side's end of one channel. Callbacks and no promises: on the worker's main thread a termination drops every
 * microtask. The channel is finished when both sides have closed their writing.
 */
export class StreamEnd implements ListEntry<StreamEnd> {
  next?: StreamEnd | undefined
  previous?: StreamEnd | undefined
  isListed?: boolean
  streamId: string
  readonly name: string
  readonly writing: WriteHalf
  readonly reading: ReadHalf
  readonly #ports: EndPorts
  #windowBytes: number
  /** `waiting`: opened here and not accepted. `unclaimed`: opened by the peer and not asked for here. */
  #phase: 'waiting' | 'unclaimed' | 'open' | 'finished' = 'waiting'
  #isTold = false
  #whenFinished: (() => void) | undefined

  constructor({ streamId, name, windowBytes, ports }: EndOptions) {
    this.streamId = streamId
    this.name = name
    this.#ports = ports
    this.#windowBytes = windowBytes
    this.writing = new WriteHalf({
      name,
      pieceBytes: ports.pieceBytes,
      copiesData: ports.copiesData,
      wantsToSend: () => ports.wantsToSend(this),
      sendClose: (error) => {
        this.#sendClose('write', error)
        this.#finishIfClosed()
      },
    })
    this.reading = new ReadHalf({
      name,
      windowBytes,
      grant: (bytes) => ports.send({ type: 'stream-credit', streamId: this.streamId, bytes }),
      sendCancel: (reason) => this.#sendClose('read', reason),
      emptied: () => this.#tellIfOver(),
    })
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting'
  }

  /** Nothing more comes and nothing more goes. */
  get isFinished(): boolean {
    return this.#phase === 'finished'
  }

  get isOver(): boolean {
    return this.#phase === 'finished' && this.reading.isEmpty
  }

  /** Calls back once, also when it is finished already. One caller. */
  whenFinished(callback: () => void): void {
    if (this.isFinished) callback()
    else this.#whenFinished = callback
  }

  /** Asks the peer for it. */
  open(): void {
    const { streamId, name } = this
    this.#ports.send({ type: 'stream-open', streamId, name, windowBytes: this.#windowBytes })
  }

  /** The peer has asked for it. */
  offered(peerWindowBytes: number): void {
    this.#phase = 'unclaimed'
    this.writing.accept(peerWindowBytes)
  }

  /** What the peer has asked for is wanted here too: it may send from now on. */
  claim(windowBytes: number): void {
    if (this.#phase !== 'unclaimed') return
    this.#phase = 'open'
    this.#windowBytes = windowBytes
    this.reading.setWindow(windowBytes)
    this.#grantWindow()
  }

  /** Both sides had asked for it: from now on it has the peer's id, and nothing said under the other one counts. */
  relabel(streamId: string, peerWindowBytes: number): void {
    this.streamId = streamId
    this.#phase = 'open'
    this.#grantWindow()
    if (this.reading.state === 'cancelled') this.#sendClose('read', this.reading.cancellation)
    if (this.writing.isClosed) this.#sendClose('write', this.writing.endError)
    this.writing.accept(peerWindowBytes)
  }

  /** `false`: the peer must not send this. */
  receive(message: Exclude<StreamMessage, { type: 'stream-open' }>): boolean {
    switch (message.type) {
      case 'stream-credit':
        if (this.#phase === 'waiting') {
          this.#phase = 'open'
          this.writing.accept(message.bytes)
        } else this.writing.credit(message.bytes)
        return true
      case 'stream-data':
        return this.#phase === 'open' && this.reading.receive(message)
      case 'stream-close':
        return message.side === 'write' ? this.#peerEnded(message.error) : this.#peerCancelled(message.error)
    }
  }

  /** Nobody here wants it any more, and what was not sent or read is dropped. */
  abandon(): void {
    this.writing.refuse(transportErrors.STREAM_CANCELLED({ name: this.name, reason: 'the session was reset' }))
    this.reading.cancel(undefined)
    this.#finishIfClosed()
  }

  /** There is no peer any more: what has arrived can still be read. */
  disconnect(error: CapsuleError): void {
    if (this.#phase === 'finished') return
    this.#phase = 'finished'
    this.writing.refuse(error, { isPeerGone: true })
    this.reading.close(error)
    this.#whenFinished?.()
    this.#tellIfOver()
  }

  #peerEnded(error: WireError | undefined): boolean {
    if (!this.reading.close(error && failureOf(this.name, error))) return false
    this.#finishIfClosed()
    return true
  }

  #peerCancelled(reason: WireError | undefined): true {
    this.writing.refuse(transportErrors.STREAM_CANCELLED({ name: this.name, reason: reason?.message }))
    return true
  }

  #grantWindow(): void {
    this.#ports.send({ type: 'stream-credit', streamId: this.streamId, bytes: this.#windowBytes })
  }

  #sendClose(side: 'write' | 'read', error: WireError | undefined): void {
    const message = { type: 'stream-close', streamId: this.streamId, side } as const
    this.#ports.send(error === undefined ? message : { ...message, error })
  }

  #finishIfClosed(): void {
    if (this.#phase === 'finished' || this.reading.state !== 'closed' || !this.writing.isClosed) return
    this.#phase = 'finished'
    this.#ports.finished(this)
    this.#whenFinished?.()
    this.#tellIfOver()
  }

  #tellIfOver(): void {
    if (!this.isOver || this.#isTold) return
    this.#isTold = true
    this.#ports.over(this)
  }
}
