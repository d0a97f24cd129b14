import type { Timer } from '@capsule/core'
import type { Bridge } from '../bridge.ts'
import { bridgeErrors } from '../errors.ts'
import type { DurableRecord } from '../stores/durable-promise-store.ts'

export interface LeaseOptions {
  readonly key: string
  readonly n: number
  /** Of the attempt. */
  readonly record: DurableRecord
  readonly leaseMs: number
}

/**
 * Tells other hosts that the owner of an attempt lives: a promise with a time limit, followed by the next before it ends. An
 * owner that cannot renew in time, or finds a later attempt, has lost it, and knows no later than the others.
 */
export class Lease {
  readonly #bridge: Bridge
  readonly #options: LeaseOptions
  readonly #lost = new AbortController()
  #renewal: Timer | undefined
  #fence: Timer | undefined
  #current: string | undefined
  #isHeld = true

  constructor(bridge: Bridge, options: LeaseOptions) {
    this.#bridge = bridge
    this.#options = options
    this.#setFence(bridge.clock.now())
    void this.#renew()
  }

  /** Aborts with LEASE_LOST. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Another host may take over at once. */
  async release(): Promise<void> {
    this.#end()
    const { store } = this.#bridge
    if (this.#current !== undefined) await store.settle({ id: this.#current, state: 'resolved' })
  }

  async #renew(): Promise<void> {
    const { store, ids, clock, logger } = this.#bridge
    const { key, n, record, leaseMs } = this.#options
    const renewMs = leaseMs / 3
    const startedMs = clock.now()
    const agoMs = Math.max(0, clock.wallTimeMs() - record.createdAtMs)
    const k = Math.floor(agoMs / renewMs)
    try {
      const id = ids.lease(key, n, k)
      await store.create({ id, timeoutAtMs: clock.wallTimeMs() + leaseMs })
      this.#current = id
      if ((await store.get(ids.attempt(key, n + 1))) !== undefined) return this.#lose()
      if (!this.#isHeld) return await this.release()
      this.#setFence(startedMs)
    } catch (error) {
      // the fence decides
      logger.warn('a lease could not be renewed', { key, attempt: n, error })
    }
    if (!this.#isHeld) return
    const nextMs = Math.max(0, record.createdAtMs + (k + 1) * renewMs - clock.wallTimeMs())
    this.#renewal = clock.setTimer(nextMs, () => void this.#renew())
  }

  #setFence(startedMs: number): void {
    const { clock } = this.#bridge
    this.#fence?.cancel()
    this.#fence = clock.setTimer(startedMs + this.#options.leaseMs - clock.now(), () => this.#lose())
  }

  #lose(): void {
    if (!this.#isHeld) return
    this.#end()
    this.#bridge.count('leasesLost')
    const { key: id, n: attempt } = this.#options
    this.#lost.abort(bridgeErrors.LEASE_LOST({ id, attempt }))
  }

  #end(): void {
    this.#isHeld = false
    this.#renewal?.cancel()
    this.#fence?.cancel()
  }
}
