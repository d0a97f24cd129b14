import type { CapsuleError } from '@capsule/core'
import { type StreamClass, streamClassOf, streamLimits, type StreamMessage } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import { isSafeInteger, SafeMap, textFrom, toNumber } from './primordials.ts'
import { LinkedList } from './linked-list.ts'
import { createStreamChannel, type StreamChannel, type StreamWaits } from './stream-channel.ts'
import { type EndPorts, StreamEnd } from './stream-end.ts'

/** `host`, and of a worker the thread that runs cells (`worker`) or its control loop (`control`). */
export type StreamSide = 'host' | 'worker' | 'control'

export interface StreamHubOptions {
  readonly side: StreamSide
  /** Takes every message; `false`: no more data until `resume()`. */
  readonly send: (message: StreamMessage) => boolean
  /** See `streamSizes` of the protocol package. */
  readonly sizes: { readonly pieceBytes: number; readonly valueBytes: number }
  /** Channels that each side may have opened at a time, reserved names apart. @defaultValue 64 */
  readonly maxStreams?: number | undefined
  /** What is sent keeps memory of its own, for a `send` that hands messages on instead of encoding them. @defaultValue false */
  readonly copiesData?: boolean
  /** What a wait in a cell ends by beside its channel. */
  readonly waits?: StreamWaits
}

export interface StreamOptions {
  /** What the peer may have sent and this side not read. @defaultValue 1 MiB */
  readonly windowBytes?: number | undefined
}

export interface StreamCounters {
  /** Channels that are not finished. */
  readonly open: number
  /** Bytes of chunks, without what messages take beside them. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** All channels of one side, by name; the engine is the same on every side. */
export interface StreamHub {
  /** The channel of this name: the same object as long as it lives. @throws STREAM_LIMIT, and what `close` was given */
  stream(name: string, options?: StreamOptions): StreamChannel
  /** `false`: the peer must not send this. */
  receive(message: StreamMessage): boolean
  /** Whether messages of that id are for this hub. */
  owns(streamId: string): boolean
  /** Data may be sent again, after `send` returned false. */
  resume(): void
  /** Ends all channels but those of reserved names, on this side: what is not sent or read is dropped, and their names are free. */
  abandon(): void
  /** There is no peer any more: every channel fails. Idempotent. */
  close(error: CapsuleError): void
  readonly counters: StreamCounters
}

export function createStreamHub(options: StreamHubOptions): StreamHub {
  return new Hub(options)
}

const prefixes: Readonly<Record<StreamSide, string>> = { host: 'h', worker: 'w', control: 'c' }

interface Live {
  readonly end: StreamEnd
  isOwn: boolean
}

interface Named {
  readonly end: StreamEnd
  readonly channel: StreamChannel
}

class Hub implements StreamHub {
  readonly #options: StreamHubOptions
  readonly #maxStreams: number
  readonly #prefix: string
  readonly #live = new SafeMap<string, Live>()
  readonly #named = new SafeMap<string, Named>()
  /** Asked for by the peer and not here. */
  readonly #offered = new SafeMap<string, StreamEnd>()
  /** The highest number of each prefix: what is not above it and not live is over. */
  readonly #lastNumbers = new SafeMap<string, number>()
  readonly #ready = new LinkedList<StreamEnd>()
  readonly #ports: EndPorts
  #sentBytes = 0
  #receivedBytes = 0
  #sending: 'idle' | 'busy' | 'stalled' = 'idle'
  #closedBy: CapsuleError | undefined

  constructor(options: StreamHubOptions) {
    const { side, maxStreams = streamLimits.maxStreams, copiesData = false, sizes } = options
    this.#options = options
    this.#maxStreams = maxStreams
    this.#prefix = prefixes[side]
    this.#lastNumbers.set(this.#prefix, 0)
    for (const prefix of side === 'host' ? ['w', 'c'] : ['h']) this.#lastNumbers.set(prefix, 0)
    this.#ports = {
      send: (message) => void options.send(message),
      wantsToSend: (end) => this.#schedule(end),
      finished: (end) => this.#forget(end),
      over: (end) => this.#over(end),
      pieceBytes: sizes.pieceBytes,
      copiesData,
    }
  }

  get counters(): StreamCounters {
    return { open: this.#live.size, sentBytes: this.#sentBytes, receivedBytes: this.#receivedBytes }
  }

  stream(name: string, { windowBytes = streamLimits.windowBytes }: StreamOptions = {}): StreamChannel {
    const known = this.#named.get(name)
    if (known !== undefined) return known.channel
    if (this.#closedBy !== undefined) throw this.#closedBy
    const end = this.#claimed(name, windowBytes) ?? this.#opened(name, windowBytes)
    const channel = createStreamChannel(end, { ...this.#options.waits, valueBytes: this.#options.sizes.valueBytes })
    // one that was offered may be finished by now
    if (!end.isOver) this.#named.set(name, { end, channel })
    return channel
  }

  receive(message: StreamMessage): boolean {
    if (this.#closedBy !== undefined) return true
    if (message.type === 'stream-open') return this.#receiveOpen(message)
    const live = this.#live.get(message.streamId)
    // what crossed with our own last word is late, not wrong; data is always expected
    if (live === undefined) return message.type !== 'stream-data' && this.#isPast(message.streamId)
    const isTaken = live.end.receive(message)
    if (isTaken && message.type === 'stream-data') this.#receivedBytes += message.data.length
    return isTaken
  }

  owns(streamId: string): boolean {
    return this.#live.has(streamId)
  }

  resume(): void {
    if (this.#sending !== 'stalled') return
    this.#sending = 'idle'
    this.#pump()
  }

  abandon(): void {
    const all: StreamEnd[] = []
    this.#live.forEach(({ end }) => all.push(end))
    this.#named.forEach(({ end }) => {
      // finished, and not read to the end
      if (!this.#live.has(end.streamId)) all.push(end)
    })
    for (let index = 0; index < all.length; index++) {
      const end = all[index] as StreamEnd
      if (streamClassOf(end.name) === 'control') continue
      this.#over(end)
      if (this.#offered.get(end.name) === end) this.#offered.delete(end.name)
      end.abandon()
    }
  }

  close(error: CapsuleError): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = error
    this.#offered.clear()
    this.#live.forEach(({ end }) => end.disconnect(error))
    this.#live.clear()
  }

  #claimed(name: string, windowBytes: number): StreamEnd | undefined {
    const end = this.#offered.get(name)
    this.#offered.delete(name)
    end?.claim(windowBytes)
    return end
  }

  #opened(name: string, windowBytes: number): StreamEnd {
    this.#assertRoom(name)
    const number = (this.#lastNumbers.get(this.#prefix) ?? 0) + 1
    this.#lastNumbers.set(this.#prefix, number)
    const end = new StreamEnd({ streamId: `${this.#prefix}${number}`, name, windowBytes, ports: this.#ports })
    this.#live.set(end.streamId, { end, isOwn: true })
    end.open()
    return end
  }

  #receiveOpen({ streamId, name, windowBytes }: Extract<StreamMessage, { type: 'stream-open' }>): boolean {
    if (!this.#isNext(streamId)) return false
    const known = this.#named.get(name)?.end
    const isCrossing = known?.isWaiting === true
    // both sides have asked for it: the host's id counts
    if (isCrossing && this.#options.side === 'host') return true
    if (this.#offered.has(name) || this.#count(name, false) >= this.#limitOf(name)) return false
    if (isCrossing) {
      this.#live.delete(known.streamId)
      this.#live.set(streamId, { end: known, isOwn: false })
      known.relabel(streamId, windowBytes)
      return true
    }
    // all of it was sent, and some not read here: the next of this name waits for that
    if (known !== undefined && !known.isFinished) return false
    const end = new StreamEnd({ streamId, name, windowBytes: streamLimits.windowBytes, ports: this.#ports })
    this.#live.set(streamId, { end, isOwn: false })
    this.#offered.set(name, end)
    end.offered(windowBytes)
    return true
  }

  #schedule(end: StreamEnd): void {
    if (end.isListed !== true && end.writing.canSend) this.#ready.push(end)
    this.#pump()
  }

  /** One message of each channel in turn, so that none waits for another that has much to send. */
  #pump(): void {
    if (this.#sending !== 'idle') return
    this.#sending = 'busy'
    let isWelcome = true
    while (isWelcome) {
      const end = this.#ready.shift()
      if (end === undefined) break
      end.writing.sendNext(end.streamId, (message) => {
        this.#sentBytes += message.data.length
        isWelcome = this.#options.send(message)
      })
      if (end.isListed !== true && end.writing.canSend) this.#ready.push(end)
    }
    this.#sending = isWelcome ? 'idle' : 'stalled'
  }

  #forget(end: StreamEnd): void {
    this.#live.delete(end.streamId)
    if (this.#offered.get(end.name) === end) this.#offered.delete(end.name)
    // there is one channel to a call: whoever reads what arrived has it, and where nobody does nothing keeps that
    if (streamClassOf(end.name) === 'call') this.#over(end)
  }

  #over(end: StreamEnd): void {
    if (this.#named.get(end.name)?.end === end) this.#named.delete(end.name)
  }

  #assertRoom(name: string): void {
    const maxStreams = this.#limitOf(name)
    if (this.#count(name, true) >= maxStreams) throw transportErrors.STREAM_LIMIT({ name, maxStreams })
  }

  #limitOf(name: string): number {
    return streamClassOf(name) === 'call' ? streamLimits.maxCallStreams : this.#maxStreams
  }

  /** Channels that are not finished, of one opener; Capsule's own take no room of the others. */
  #count(name: string, isOwn: boolean): number {
    const streamClass: StreamClass = streamClassOf(name)
    let count = 0
    this.#live.forEach((live) => {
      if (live.isOwn === isOwn && streamClassOf(live.end.name) === streamClass) count++
    })
    return count
  }

  /** Notes an id of the peer; its numbers only grow. */
  #isNext(streamId: string): boolean {
    const { prefix, number } = partsOf(streamId)
    const last = prefix === this.#prefix ? undefined : this.#lastNumbers.get(prefix)
    if (last === undefined || !(number > last)) return false
    this.#lastNumbers.set(prefix, number)
    return true
  }

  #isPast(streamId: string): boolean {
    const { prefix, number } = partsOf(streamId)
    return number <= (this.#lastNumbers.get(prefix) ?? 0)
  }
}

/** The number is NaN when it is not one that an opener gives. */
function partsOf(streamId: string): { prefix: string; number: number } {
  const digits = textFrom(streamId, 1)
  const number = toNumber(digits)
  const isNumber = isSafeInteger(number) && number > 0 && `${number}` === digits
  return { prefix: streamId[0] ?? '', number: isNumber ? number : NaN }
}
