import type { BreakerState, RecycleReason } from './pool.ts'

/** Of times in milliseconds; all 0 when nothing was recorded. */
export interface Histogram {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** The pool's own account. Each number is as of this moment, and the sums named here hold at every moment. */
export interface PoolInfo {
  readonly state: 'open' | 'closing' | 'closed'
  /** `total` is the sum of the others but `max` and `highWater`. */
  readonly sessions: {
    readonly total: number
    readonly starting: number
    readonly idle: number
    readonly leased: number
    readonly resetting: number
    /** Their worker is being ended. */
    readonly ending: number
    readonly max: number
    readonly highWater: number
  }
  readonly watermarks: {
    readonly minIdle: number
    /** The fewest and the most idle sessions since `minIdle` was first reached; absent before. */
    readonly idleLow?: number
    readonly idleHigh?: number
    readonly startingHigh: number
    readonly waitingHigh: number
  }
  /** `requests` is `hits + misses`; `misses` is `waits.served + waits.waiting + waits.timedOut + waits.cancelled + waits.refused`. */
  readonly acquisitions: {
    readonly requests: number
    /** Answered at once by an idle session. */
    readonly hits: number
    /** No session was idle, or others waited already. */
    readonly misses: number
    readonly waits: {
      readonly waiting: number
      readonly served: number
      readonly timedOut: number
      readonly cancelled: number
      /** By the breaker, a full queue, or the end of the pool. */
      readonly refused: number
    }
    /** From the call to the lease, of those that got one. */
    readonly latency: Histogram
  }
  /** `acquired` is `active + released + expired + leaked + detached`. */
  readonly leases: {
    readonly acquired: number
    readonly active: number
    readonly released: number
    readonly expired: number
    readonly leaked: number
    readonly detached: number
  }
  /** `attempts` is `succeeded + failed + aborted + sessions.starting`. */
  readonly starts: {
    readonly attempts: number
    readonly succeeded: number
    readonly failed: number
    /** By the end of the pool. */
    readonly aborted: number
    readonly latency: Histogram
  }
  readonly resets: { readonly done: number; readonly failed: number; readonly latency: Histogram }
  readonly recycles: { readonly total: number; readonly byReason: Readonly<Record<RecycleReason, number>> }
  readonly crashes: { readonly idle: number; readonly leased: number; readonly resetting: number }
  readonly warmup: {
    /** Hits in a hundred requests would be 1; 0 before the first request. */
    readonly efficiency: number
    /** Sessions that left the pool without having been leased. */
    readonly wasted: number
    readonly modules: readonly WarmupModuleInfo[]
  }
  readonly breaker: {
    readonly state: BreakerState
    /** Until the next attempt; present when it is open. */
    readonly retryAfterMs?: number
    readonly opened: number
    /** Newest last, at most 50. */
    readonly history: readonly { readonly atMs: number; readonly state: BreakerState; readonly reason?: string }[]
  }
  readonly memory: {
    /** Of the sessions that have told theirs. */
    readonly usedBytes: number
    /** Sessions that have not told theirs yet. */
    readonly unknown: number
    readonly evicted: number
  }
  readonly health: {
    readonly checks: number
    readonly failed: number
    readonly byTrigger: Readonly<Record<HealthTrigger, number>>
  }
}

export interface WarmupModuleInfo {
  readonly module: string
  readonly loads: number
  readonly failures: number
  readonly lastMs: number
  readonly meanMs: number
  readonly maxMs: number
  readonly lastError?: string
}

/** `interval`: nothing but the time; `crash`: another session's worker died; `delay`: an idle worker's thread was silent. */
export type HealthTrigger = 'interval' | 'crash' | 'delay'
