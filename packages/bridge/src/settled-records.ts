import type { Clock } from '@capsule/core'

export interface RetentionLimits {
  /** Settled promises remembered; beyond it the one settled longest ago is forgotten. */
  readonly entries: number
  /** Of the encoded values of all of them together. */
  readonly bytes: number
  /** From when it was settled here. */
  readonly ttlMs: number
}

interface Entry<T> {
  readonly value: T
  readonly bytes: number
  readonly untilMs: number
}

/** What was settled lately, so that who asks again is answered without the store. Nothing here sets a timer. */
export class SettledRecords<T> {
  readonly #clock: Clock
  readonly #limits: RetentionLimits
  /** Settled longest ago first. */
  readonly #entries = new Map<string, Entry<T>>()
  #bytes = 0

  constructor(clock: Clock, limits: RetentionLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  find(id: string): T | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined || this.#clock.now() < entry.untilMs) return entry?.value
    this.#drop(id, entry)
    return undefined
  }

  add(id: string, value: T, bytes: number): void {
    const old = this.#entries.get(id)
    if (old !== undefined) this.#drop(id, old)
    const nowMs = this.#clock.now()
    this.#entries.set(id, { value, bytes, untilMs: nowMs + this.#limits.ttlMs })
    this.#bytes += bytes
    for (const [oldest, entry] of this.#entries) {
      const isOver = this.#entries.size > this.#limits.entries || this.#bytes > this.#limits.bytes
      if (!isOver && nowMs < entry.untilMs) return
      this.#drop(oldest, entry)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #drop(id: string, { bytes }: Entry<T>): void {
    this.#entries.delete(id)
    this.#bytes -= bytes
  }
}
