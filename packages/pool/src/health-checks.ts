import { type Clock, type Timer, withAbort } from '@capsule/core'
import type { SessionEvents } from '@capsule/session'
import type { ResolvedPoolOptions } from './options.ts'
import type { PoolMember } from './pool-member.ts'
import type { HealthTrigger, PoolInfo } from './pool-info.ts'

export interface HealthChecksOptions {
  readonly health: ResolvedPoolOptions['health']
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly idle: () => readonly PoolMember[]
  readonly onUnhealthy: (member: PoolMember) => void
  /** It may be handed out again. */
  readonly onChecked: (member: PoolMember) => void
}

/** Asks idle sessions whether they still answer: at intervals, and when something gives a reason to. */
export class HealthChecks {
  readonly #options: HealthChecksOptions
  readonly #byTrigger: Record<HealthTrigger, number> = { interval: 0, crash: 0, delay: 0 }
  #checks = 0
  #failed = 0
  #timer: Timer | undefined

  constructor(options: HealthChecksOptions) {
    this.#options = options
    this.#arm()
  }

  info(): PoolInfo['health'] {
    return { checks: this.#checks, failed: this.#failed, byTrigger: { ...this.#byTrigger } }
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** One worker has died by itself: what ended it may have hit the others. */
  crashed(): void {
    this.#checkAll('crash')
  }

  heartbeat(member: PoolMember, { eventLoopDelayMs }: SessionEvents['heartbeat'][0]): void {
    if (eventLoopDelayMs > this.#options.health.maxEventLoopDelayMs) this.#check(member, 'delay')
  }

  #arm(): void {
    const { clock, health } = this.#options
    if (health.intervalMs === Infinity) return
    this.#timer = clock.setTimer(health.intervalMs, () => {
      this.#checkAll('interval')
      this.#arm()
    })
  }

  #checkAll(trigger: HealthTrigger): void {
    for (const member of this.#options.idle()) this.#check(member, trigger)
  }

  #check(member: PoolMember, trigger: HealthTrigger): void {
    if (member.phase !== 'idle' || member.isBeingChecked) return
    this.#checks++
    this.#byTrigger[trigger]++
    member.isBeingChecked = true
    void this.#isHealthy(member).then((isHealthy) => {
      member.isBeingChecked = false
      member.isHeldByCheck = false
      if (isHealthy) return this.#options.onChecked(member)
      // one that ends meanwhile does not answer either
      if (member.phase === 'ending' || member.phase === 'detached' || this.#options.signal.aborted) return
      this.#failed++
      this.#options.onUnhealthy(member)
    })
  }

  async #isHealthy(member: PoolMember): Promise<boolean> {
    const { session } = member
    const { health, clock, signal } = this.#options
    const deadline = new AbortController()
    const timer = clock.setTimer(health.timeoutMs, () => deadline.abort())
    const stop = AbortSignal.any([signal, deadline.signal])
    try {
      await session.inspect({ what: 'namespace' }, { timeoutMs: health.timeoutMs, signal: stop })
      // acquired meanwhile: it is its caller's, and has answered
      if (health.check === undefined || member.phase !== 'idle') return true
      member.isHeldByCheck = true
      return await withAbort(Promise.resolve(health.check(session, { signal: stop })), stop, 'the health check')
    } catch {
      return false
    } finally {
      timer.cancel()
    }
  }
}
