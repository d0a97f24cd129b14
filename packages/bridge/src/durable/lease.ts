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
  /** On the monotonic clock, not after `record` was created: from when on others count. */
  readonly startedMs: number
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
  #k = -1
  #renewing: Promise<void>
  #isHeld = true

  constructor(bridge: Bridge, options: LeaseOptions) {
    this.#bridge = bridge
    this.#options = options
    this.#setFence(options.startedMs)
    this.#renewing = this.#renew()
  }

  /** Aborts with LEASE_LOST. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Another host may take over at once. */
  async release(): Promise<void> {
    this.#end()
    // one that is being renewed gives back what it gets
    await Promise.all([this.#giveBack(), this.#renewing])
  }

  async #giveBack(): Promise<void> {
    const { store } = this.#bridge
    if (this.#current !== undefined) await store.settle({ id: this.#current, state: 'resolved' })
  }

  async #renew(): Promise<void> {
    const { store, ids, clock, logger } = this.#bridge
    const { key, n, record, leaseMs } = this.#options
    const renewMs = leaseMs / 3
    const startedMs = clock.now()
    const nowMs = clock.wallTimeMs()
    // each has a number of its own, also when this clock is behind the one of the record, or was put back
    this.#k = Math.max(this.#k + 1, Math.floor((nowMs - record.createdAtMs) / renewMs))
    try {
      const id = ids.lease(key, n, this.#k)
      await store.create({ id, timeoutAtMs: Math.ceil(nowMs + leaseMs) })
      this.#current = id
      if ((await store.get(ids.attempt(key, n + 1))) !== undefined) return this.#lose()
      if (this.#isHeld) this.#setFence(startedMs)
      else await this.#giveBack()
    } catch (error) {
      // the fence decides
      logger.warn('a lease could not be renewed', { key, attempt: n, error })
    }
    if (!this.#isHeld) return
    const nextMs = record.createdAtMs + (this.#k + 1) * renewMs - clock.wallTimeMs()
    this.#renewal = clock.setTimer(Math.min(renewMs, Math.max(0, nextMs)), () => {
      this.#renewing = this.#renew()
    })
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
