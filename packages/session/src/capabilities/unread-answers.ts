import { capabilityLimits, type CapabilityRequestMessage } from '@capsule/protocol'
import { sessionErrors } from '../errors.ts'

export interface UnreadAnswersOptions {
  /** Resolves when sending is welcome again, or the worker is gone. */
  readonly drained: () => Promise<void>
}

// unit: bytes of answers that the worker has not read; threat: a worker that asks without end and never reads
const unreadBytes = 64 * 1024 * 1024
// unit: bytes of arguments that wait for it to read; threat: as above
const heldBytes = 256 * 1024 * 1024
// unit: bytes of an answer beside its value; threat: many small ones that weigh more than they cost
const answerBytes = 512

/**
 * What is on its way to one worker. The host goes on reading, because a worker may have to write before it can read; what it
 * asks meanwhile is held, and not without end.
 */
export class UnreadAnswers {
  readonly #drained: () => Promise<void>
  #bytes = 0
  #draining: Promise<void> | undefined
  #held = 0
  #heldBytes = 0
  #lastHeld: Promise<void> | undefined

  constructor({ drained }: UnreadAnswersOptions) {
    this.#drained = drained
  }

  /** Not even refusals are read: no worker that means well sends more requests. */
  get isExhausted(): boolean {
    return this.#bytes >= 2 * unreadBytes
  }

  /** Notes an answer that was sent. */
  sent(bytes: number, isWelcome: boolean): void {
    if (isWelcome) return
    this.#bytes += bytes + answerBytes
    this.#draining ??= this.#drain()
  }

  /** Resolves when the request may be served; undefined: now. @throws CAPABILITY_ANSWERS_UNREAD: too many are held */
  room({ args }: Pick<CapabilityRequestMessage, 'args'>): Promise<void> | undefined {
    if (this.#bytes < unreadBytes && this.#held === 0) return undefined
    if (this.#held < capabilityLimits.maxPendingCalls && this.#heldBytes < heldBytes) return this.#hold(args.length)
    throw sessionErrors.CAPABILITY_ANSWERS_UNREAD({ unreadBytes: this.#bytes })
  }

  async #hold(bytes: number): Promise<void> {
    this.#held++
    this.#heldBytes += bytes
    const before = this.#lastHeld
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#lastHeld = promise
    await before
    while (this.#bytes >= unreadBytes) await this.#draining
    this.#held--
    this.#heldBytes -= bytes
    // one in a turn: the answer to it may have to be read before the next
    setImmediate(resolve)
  }

  async #drain(): Promise<void> {
    await this.#drained()
    this.#bytes = 0
    this.#draining = undefined
  }
}
