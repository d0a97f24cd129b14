import { hash } from 'node:crypto'
import type { Clock } from '@capsule/core'
import type { CapabilityAnswer } from './session-capabilities.ts'

export interface RememberedLimits {
  readonly rememberedKeys: number
  readonly rememberedBytes: number
  readonly rememberedMs: number
}

interface Entry {
  readonly capability: string
  readonly fingerprint: string
  /** Undefined: cannot be given again. */
  answer: CapabilityAnswer | undefined
  part: string
  bytes: number
  expiresAtMs: number
  /** Resolves when the first call has ended; undefined once it has. */
  underWay: PromiseWithResolvers<void> | undefined
}

export type Claim =
  /** This call is the first with its key; it must `settle` it. */
  | { readonly kind: 'first' }
  | { readonly kind: 'answered'; readonly answer: CapabilityAnswer }
  | { readonly kind: 'under-way'; readonly ended: Promise<void> }
  | { readonly kind: 'conflict'; readonly first: string }
  | { readonly kind: 'not-repeatable'; readonly part: string }

/** The answers of calls with an idempotency key, of one session. */
export class RememberedAnswers {
  readonly #clock: Clock
  readonly #limits: RememberedLimits
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  /** Those under way are not counted: calls under way are bounded elsewhere. */
  #answered = 0

  constructor(clock: Clock, limits: RememberedLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get keys(): number {
    return this.#answered
  }

  get bytes(): number {
    return this.#bytes
  }

  claim(key: string, capability: string, args: Uint8Array): Claim {
    this.#dropExpired()
    const fingerprint = hash('sha256', args, 'base64')
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      const underWay = Promise.withResolvers<void>()
      this.#entries.set(key, {
        capability,
        fingerprint,
        answer: undefined,
        part: '',
        bytes: 0,
        expiresAtMs: 0,
        underWay,
      })
      return { kind: 'first' }
    }
    if (entry.capability !== capability || entry.fingerprint !== fingerprint) {
      return { kind: 'conflict', first: entry.capability }
    }
    if (entry.underWay !== undefined) return { kind: 'under-way', ended: entry.underWay.promise }
    if (entry.answer === undefined) return { kind: 'not-repeatable', part: entry.part }
    return { kind: 'answered', answer: entry.answer }
  }

  /** Forgets the key: the next call with it is a first one. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    entry?.underWay?.resolve()
  }

  /** `part` says what cannot be given again, if there is such a thing. */
  settle(key: string, answer: CapabilityAnswer, part?: string): void {
    const entry = this.#entries.get(key)
    if (entry?.underWay === undefined) return
    const bytes = answer.kind === 'value' ? answer.value.length : answer.error.message.length
    if (part !== undefined || bytes > this.#limits.rememberedBytes) entry.part = part ?? 'answer'
    else {
      entry.answer = answer
      entry.bytes = bytes
    }
    entry.expiresAtMs = this.#clock.now() + this.#limits.rememberedMs
    // the map is in the order of expiry
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
    this.#answered++
    entry.underWay.resolve()
    entry.underWay = undefined
    this.#dropOldest()
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.forget(key)
    this.#bytes = 0
    this.#answered = 0
  }

  #dropExpired(): void {
    const nowMs = this.#clock.now()
    for (const [key, entry] of this.#entries) {
      // those under way stand where they began, before some that have ended
      if (entry.underWay !== undefined) continue
      if (entry.expiresAtMs > nowMs) return
      this.#drop(key, entry)
    }
  }

  #dropOldest(): void {
    const { rememberedKeys, rememberedBytes } = this.#limits
    for (const [key, entry] of this.#entries) {
      if (this.#answered <= rememberedKeys && this.#bytes <= rememberedBytes) return
      if (entry.underWay === undefined) this.#drop(key, entry)
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
    this.#answered--
  }
}
