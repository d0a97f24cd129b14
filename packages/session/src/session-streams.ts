import type { CapsuleError } from '@capsule/core'
import {
  type ReadyMessage,
  reservedStreamRule,
  streamClassOf,
  streamLimits,
  type StreamMessage,
  streamSizes,
} from '@capsule/protocol'
import { createStreamHub, type StreamChannel, type StreamCounters, type StreamHub } from '@capsule/transport'
import * as z from 'zod'
import { sessionErrors } from './errors.ts'
import { checked } from './checked.ts'
import type { StreamOptions } from './session.ts'

export interface SessionStreamsOptions {
  readonly sessionId: string
  readonly maxStreams: number
  /** `false`: wait for `drained`. */
  readonly send: (message: StreamMessage) => boolean
  /** Resolves when sending is welcome again. */
  readonly drained: () => Promise<void>
}

const nameSchema = z
  .string()
  .min(1)
  .max(streamLimits.nameLength)
  .refine((name) => streamClassOf(name) === 'named', reservedStreamRule)
const optionsSchema = z.strictObject({ windowBytes: z.number().int().positive().optional() })
const none: StreamCounters = { open: 0, sentBytes: 0, receivedBytes: 0 }

/** The channels to the session's present worker: they end with it. */
export class SessionStreams {
  readonly #options: SessionStreamsOptions
  #hub: StreamHub | undefined
  #isOffered = false

  constructor(options: SessionStreamsOptions) {
    this.#options = options
  }

  get counters(): StreamCounters {
    return this.#hub?.counters ?? none
  }

  /** A worker is ready. */
  start({ features, limits }: Pick<ReadyMessage, 'features' | 'limits'>): void {
    const { maxStreams, send, drained } = this.#options
    this.#isOffered = features.includes('streams')
    let isAwaitingDrain = false
    const hub = createStreamHub({
      side: 'host',
      sizes: streamSizes(limits),
      maxStreams,
      send(message) {
        const isWelcome = send(message)
        if (isWelcome || isAwaitingDrain) return isWelcome
        isAwaitingDrain = true
        void drained().then(() => {
          isAwaitingDrain = false
          hub.resume()
        })
        return false
      },
    })
    this.#hub = hub
  }

  /** For callers: any name but Capsule's own. @throws INVALID_OPTIONS, FEATURE_UNAVAILABLE, NO_WORKER, STREAM_LIMIT */
  open(name: string, options: StreamOptions = {}): StreamChannel {
    checked('stream()', z.object({ name: nameSchema, options: optionsSchema }).safeParse({ name, options }))
    return this.openAny(name, options)
  }

  /** Also names of Capsule's own, whose other end is the worker's control loop. @throws FEATURE_UNAVAILABLE, NO_WORKER, STREAM_LIMIT */
  openAny(name: string, options: StreamOptions = {}): StreamChannel {
    const hub = this.#hub
    if (hub === undefined) throw sessionErrors.NO_WORKER({ sessionId: this.#options.sessionId })
    if (!this.#isOffered) throw sessionErrors.FEATURE_UNAVAILABLE({ feature: 'streams' })
    return hub.stream(name, options)
  }

  /** `false`: it fits no channel. */
  receive(message: StreamMessage): boolean {
    return this.#isOffered && this.#hub?.receive(message) === true
  }

  /** The channels of before end, and their names are free. */
  abandon(): void {
    this.#hub?.abandon()
  }

  /** The worker is gone, or nobody may use it any more. */
  fail(error: CapsuleError): void {
    this.#hub?.close(error)
    this.#hub = undefined
  }
}
