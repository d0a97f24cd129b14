import type { Clock, Timer } from '@capsule/core'
import type { PoolMember } from './pool-member.ts'

export interface IdleSessionsOptions {
  readonly clock: Clock
  readonly minIdle: number
  readonly idleTimeoutMs: number
  readonly maxSessionAgeMs: number
  readonly onOld: (member: PoolMember) => void
  /** Unused for too long, and more than are kept. */
  readonly onUnwanted: (member: PoolMember) => void
}

/** The sessions that wait for work. The one used last is taken first, so that those too many stay unused and end. */
export class IdleSessions {
  readonly #options: IdleSessionsOptions
  /** Longest idle first. */
  readonly #members: PoolMember[] = []
  #wake: { readonly atMs: number; readonly timer: Timer } | undefined
  #isStopped = false
  #low = Infinity
  #high = 0

  constructor(options: IdleSessionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#members.length
  }

  get all(): readonly PoolMember[] {
    return [...this.#members]
  }

  /** The fewest and the most since there were enough for the first time. */
  get range(): { readonly idleLow?: number; readonly idleHigh?: number } {
    return this.#low === Infinity ? {} : { idleLow: this.#low, idleHigh: this.#high }
  }

  add(member: PoolMember): void {
    member.phase = 'idle'
    member.sinceMs = this.#options.clock.now()
    this.#members.push(member)
    this.#changed()
  }

  take(): PoolMember | undefined {
    const member = this.#members.findLast(({ isHeldByCheck }) => !isHeldByCheck)
    if (member !== undefined) this.remove(member)
    return member
  }

  /** Whether it was idle. */
  remove(member: PoolMember): boolean {
    const index = this.#members.indexOf(member)
    if (index < 0) return false
    this.#members.splice(index, 1)
    this.#changed()
    return true
  }

  stop(): void {
    this.#isStopped = true
    this.#sleep()
  }

  #sleep(): void {
    this.#wake?.timer.cancel()
    this.#wake = undefined
  }

  #changed(): void {
    if (this.#isStopped) return
    const { size } = this
    if (size >= this.#options.minIdle || this.#low !== Infinity) {
      this.#low = Math.min(this.#low, size)
      this.#high = Math.max(this.#high, size)
    }
    const atMs = this.#nextEndMs()
    // one that rings too early only looks again
    if (this.#wake !== undefined && this.#wake.atMs <= atMs) return
    this.#sleep()
    if (atMs === Infinity) return
    const delayMs = Math.max(0, atMs - this.#options.clock.now())
    this.#wake = { atMs, timer: this.#options.clock.setTimer(delayMs, () => this.#onWake()) }
  }

  #nextEndMs(): number {
    const { minIdle, idleTimeoutMs, maxSessionAgeMs } = this.#options
    const [first] = this.#members
    const unwantedMs = first !== undefined && this.size > minIdle ? first.sinceMs + idleTimeoutMs : Infinity
    return Math.min(unwantedMs, ...this.#members.map(({ startedMs }) => startedMs + maxSessionAgeMs))
  }

  #onWake(): void {
    const { clock, minIdle, idleTimeoutMs, maxSessionAgeMs, onOld, onUnwanted } = this.#options
    this.#wake = undefined
    const nowMs = clock.now()
    const old = this.#members.filter(({ startedMs }) => nowMs - startedMs >= maxSessionAgeMs)
    const rest = this.#members.filter((member) => !old.includes(member))
    const unwanted = rest
      .slice(0, Math.max(0, rest.length - minIdle))
      .filter(({ sinceMs }) => nowMs - sinceMs >= idleTimeoutMs)
    for (const member of old) onOld(member)
    for (const member of unwanted) onUnwanted(member)
    this.#changed()
  }
}
