import {
  type AbortOptions,
  type CapsuleError,
  type Clock,
  isCapsuleError,
  throwIfAborted,
  withAbort,
} from '@capsule/core'
import { type Codec, type CodecName, createCodec, defaultLimits, type FrameLimits } from '@capsule/protocol'
import type { ByteSink, ByteSource, Lane, Urgency } from './byte-pipes.ts'
import { transportErrors } from './errors.ts'
import { checkFrameLength, createFrameDecoder, type FrameDecoder } from './framing.ts'
import { laneOf } from './lanes.ts'
import { defaultHighWaterBytes, frameHeaderBytes, keptWhilePausedBytes, writeFailureGraceMs } from './limits.ts'
import type { Transport, TransportCounters, TransportEnd, TransportReceiver } from './transport.ts'

export interface MessageTransportOptions {
  readonly kind: string
  readonly source: ByteSource
  readonly sink: ByteSink
  readonly clock: Clock
  readonly limits?: FrameLimits | undefined
  readonly highWaterBytes?: number | undefined
}

type State =
  | { readonly name: 'open' }
  /** `close` was called and what is queued is being written. */
  | { readonly name: 'closing' }
  | { readonly name: 'ended'; readonly end: TransportEnd }

/** The transport over any pair of byte pipes: framing, codec, limits, back-pressure, one end. */
export class MessageTransport<Out extends object> implements Transport<Out> {
  readonly kind: string
  readonly #source: ByteSource
  readonly #sink: ByteSink
  readonly #clock: Clock
  readonly #highWaterBytes: number
  readonly #decoder: FrameDecoder
  readonly #ended = Promise.withResolvers<void>()
  readonly #counters = {
    sentFrames: 0,
    sentBytes: 0,
    sentBulkFrames: 0,
    sentBulkBytes: 0,
    receivedFrames: 0,
    receivedBytes: 0,
  }
  #codec: Codec = createCodec('json')
  #limits: FrameLimits
  #state: State = { name: 'open' }
  #receiver: TransportReceiver | undefined
  #isPaused = false
  #isPumping = false
  #isSinkBroken = false
  // received and not yet decoded: chunks wait here while the reader pauses, undecoded because `agree` may come first
  readonly #backlog: Uint8Array[] = []
  #backlogBytes = 0
  // how the input ended, told once the backlog is delivered
  #inputEnd: TransportEnd | undefined
  #drain: PromiseWithResolvers<void> | undefined

  constructor({ kind, source, sink, clock, limits, highWaterBytes }: MessageTransportOptions) {
    this.kind = kind
    this.#source = source
    this.#sink = sink
    this.#clock = clock
    this.#limits = limits ?? defaultLimits
    this.#highWaterBytes = highWaterBytes ?? defaultHighWaterBytes
    this.#decoder = createFrameDecoder({
      limitBytes: this.#limits.frameBytes,
      onFrame: (payload) => this.#deliver(payload),
    })
    sink.open({ progress: () => this.#releaseDrained(), fail: (error) => this.#onSinkFailed(error) })
    source.open({
      data: (chunk) => this.#onData(chunk),
      end: () => this.endInput(),
      fail: (error) => this.endInput(this.#failure('reading', error)),
    })
  }

  get counters(): TransportCounters {
    return { ...this.#counters }
  }

  start(receiver: TransportReceiver): void {
    if (this.#receiver !== undefined) throw transportErrors.TRANSPORT_ALREADY_READ({ kind: this.kind })
    this.#receiver = receiver
    const state = this.#state
    if (state.name === 'ended') return queueMicrotask(() => receiver.end(state.end))
    if (this.#backlog.length > 0 || this.#inputEnd !== undefined) queueMicrotask(() => this.#pump())
    if (!this.#isPaused) this.#source.resume()
  }

  send(message: Out): boolean {
    if (this.#state.name !== 'open' || this.#isSinkBroken) return false
    const payload = this.#codec.encode(message, this.#limits)
    checkFrameLength(payload.length, this.#limits.frameBytes)
    const lane = laneOf(message)
    this.#count(frameHeaderBytes + payload.length, lane)
    this.#sink.writeFrame(payload, urgencyOf(message as { type?: unknown }), lane)
    return this.#isDrained && !this.#isSinkBroken
  }

  async drained({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'waiting for the transport to drain')
    if (this.#isDrained) return
    this.#drain ??= Promise.withResolvers<void>()
    await withAbort(this.#drain.promise, signal, 'waiting for the transport to drain')
  }

  pause(): void {
    if (this.#isPaused || this.#state.name === 'ended') return
    this.#isPaused = true
    this.#source.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#state.name === 'ended') return
    this.#isPaused = false
    if (this.#receiver === undefined) return
    this.#source.resume()
    // not from within `resume`: the caller does not expect messages before it returns
    queueMicrotask(() => this.#pump())
  }

  agree({ codec, limits }: { codec: CodecName; limits: FrameLimits }): void {
    // what is in the codec before is read before
    this.#sink.joinLanes?.()
    // every sink copies what it is given
    this.#codec = createCodec(codec, { reusesMemory: true })
    this.#limits = limits
    this.#decoder.limitBytes = limits.frameBytes
  }

  close({ discard = false }: { discard?: boolean } = {}): Promise<void> {
    if (this.#state.name === 'ended') return this.#ended.promise
    if (discard) {
      this.#sink.destroy()
      this.#finish({ reason: 'closed' })
    } else if (this.#state.name === 'open') {
      this.#state = { name: 'closing' }
      void this.#sink.end().then(() => {
        // when writing failed, the end comes with the input's
        if (!this.#isSinkBroken) this.#finish({ reason: 'closed' })
      })
    }
    return this.#ended.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ discard: true })
  }

  /** Ends as failed, at once: nothing that is still under way will be delivered. */
  protected fail(error: CapsuleError): void {
    this.#sink.destroy()
    this.#finish({ reason: 'failed', error })
  }

  /** No more bytes will come; what came is delivered first. The first call decides. */
  protected endInput(error?: CapsuleError): void {
    this.#inputEnd ??= error === undefined ? { reason: 'eof' } : { reason: 'failed', error }
    this.#pump()
  }

  /** Reads what the system still holds, paused or not, then calls back: for pipes that do not end by themselves. */
  protected readRest(then: () => void): void {
    this.#source.resume()
    afterTurn(then)
  }

  get #isDrained(): boolean {
    return this.#state.name === 'ended' || this.#isSinkBroken || this.#sink.queuedBytes <= this.#highWaterBytes
  }

  get #isDelivering(): boolean {
    return this.#receiver !== undefined && !this.#isPaused && this.#state.name !== 'ended'
  }

  #count(frameBytes: number, lane: Lane): void {
    const counters = this.#counters
    counters.sentFrames++
    counters.sentBytes += frameBytes
    if (lane === 'control') return
    counters.sentBulkFrames++
    counters.sentBulkBytes += frameBytes
  }

  #onData(chunk: Uint8Array): void {
    this.#counters.receivedBytes += chunk.length
    if (this.#state.name === 'ended') return
    this.#backlog.push(chunk)
    this.#backlogBytes += chunk.length
    if (this.#isDelivering) this.#pump()
    // a stream may start to flow again by itself when its process exits
    else if (this.#backlogBytes > keptWhilePausedBytes) this.#source.pause()
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#isDelivering) {
        const chunk = this.#backlog.shift()
        if (chunk === undefined) break
        // a reader may give the memory away, with what it was sent
        const { length } = chunk
        const rest = this.#decoder.push(chunk)
        if (rest !== undefined) this.#backlog.unshift(rest)
        this.#backlogBytes -= length - (rest?.length ?? 0)
      }
      if (this.#isDelivering && this.#inputEnd?.reason === 'eof') this.#decoder.end()
    } catch (error) {
      this.fail(isCapsuleError(error) ? error : this.#failure('delivering a message', error))
    } finally {
      this.#isPumping = false
    }
    if (this.#isDelivering && this.#inputEnd !== undefined) this.#endAfterInput(this.#inputEnd)
  }

  /** Called by the decoder; `false` stops it, so that frames behind a pause or an end stay undecoded. */
  #deliver(payload: Uint8Array): boolean {
    const message = this.#codec.decode(payload, this.#limits)
    this.#counters.receivedFrames++
    this.#receiver?.message(message, payload.length)
    return this.#isDelivering
  }

  #endAfterInput(end: TransportEnd): void {
    const isExpected = this.#state.name === 'closing' && end.reason === 'eof'
    this.#finish(isExpected ? { reason: 'closed' } : end)
    void this.#sink.end()
  }

  #onSinkFailed(error: unknown): void {
    if (this.#isSinkBroken || this.#state.name === 'ended') return
    this.#isSinkBroken = true
    this.#releaseDrained()
    // mostly the peer has died: then its last frames and the end of its output arrive within the grace
    this.#clock.setTimer(writeFailureGraceMs, () => {
      if (this.#state.name !== 'ended') this.readRest(() => this.endInput(this.#failure('writing', error)))
    })
  }

  #releaseDrained(): void {
    if (this.#drain === undefined || !this.#isDrained) return
    this.#drain.resolve()
    this.#drain = undefined
  }

  #finish(end: TransportEnd): void {
    if (this.#state.name === 'ended') return
    this.#state = { name: 'ended', end }
    this.#backlog.length = 0
    this.#backlogBytes = 0
    this.#source.close()
    this.#releaseDrained()
    this.#ended.resolve()
    this.#receiver?.end(end)
  }

  #failure(doing: string, cause: unknown): CapsuleError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return transportErrors.TRANSPORT_FAILED({ kind: this.kind, doing, reason }, { cause })
  }
}

/** Calls back after one whole turn of the event loop: its poll phase has read all that had been written by now. */
export function afterTurn(then: () => void): void {
  setImmediate(() => setImmediate(then))
}

function urgencyOf({ type }: { type?: unknown }): Urgency {
  switch (type) {
    case 'output':
    case 'stream-data':
      return 'turn'
    // a result is often right behind it
    case 'ack':
      return 'next'
    default:
      return 'now'
  }
}
