import { LatencyHistogram } from './histogram.ts'
import type { MemberPhase, RecycleReason } from './pool.ts'
import type { PoolInfo } from './pool-info.ts'
import type { WaitFailure } from './waiting-line.ts'

/** What the pool counts. Numbers that follow from its present state are not kept here. */
export class PoolMetrics {
  readonly latency = { acquire: new LatencyHistogram(), start: new LatencyHistogram(), reset: new LatencyHistogram() }
  readonly acquisitions = { hits: 0, misses: 0, served: 0 }
  readonly failedWaits: Record<WaitFailure, number> = { 'timed-out': 0, cancelled: 0, refused: 0 }
  readonly leases = { acquired: 0, released: 0, expired: 0, leaked: 0, detached: 0 }
  readonly starts = { attempts: 0, succeeded: 0, failed: 0, aborted: 0 }
  readonly resets = { done: 0, failed: 0 }
  readonly crashes: Record<MemberPhase, number> = { idle: 0, leased: 0, resetting: 0 }
  readonly highWater = { sessions: 0, starting: 0, waiting: 0 }
  wasted = 0
  evicted = 0
  readonly #recycles: Record<RecycleReason, number> = {
    released: 0,
    requested: 0,
    tainted: 0,
    executions: 0,
    age: 0,
    memory: 0,
    unhealthy: 0,
    crashed: 0,
    leaked: 0,
    'lease-expired': 0,
    'reset-failed': 0,
    'closed-by-caller': 0,
    'not-reusable': 0,
    'idle-timeout': 0,
    shutdown: 0,
  }

  recycled(reason: RecycleReason): void {
    this.#recycles[reason]++
  }

  saw({ sessions, starting, waiting }: PoolMetrics['highWater']): void {
    const high = this.highWater
    high.sessions = Math.max(high.sessions, sessions)
    high.starting = Math.max(high.starting, starting)
    high.waiting = Math.max(high.waiting, waiting)
  }

  info(now: {
    waiting: number
    leased: number
  }): Pick<PoolInfo, 'acquisitions' | 'leases' | 'starts' | 'resets' | 'recycles' | 'crashes'> {
    const { hits, misses, served } = this.acquisitions
    const { 'timed-out': timedOut, cancelled, refused } = this.failedWaits
    const recycles = Object.values(this.#recycles)
    return {
      acquisitions: {
        requests: hits + misses,
        hits,
        misses,
        waits: { waiting: now.waiting, served, timedOut, cancelled, refused },
        latency: this.latency.acquire.info(),
      },
      leases: { ...this.leases, active: now.leased },
      starts: { ...this.starts, latency: this.latency.start.info() },
      resets: { ...this.resets, latency: this.latency.reset.info() },
      recycles: { total: recycles.reduce((sum, each) => sum + each, 0), byReason: { ...this.#recycles } },
      crashes: { ...this.crashes },
    }
  }
}
