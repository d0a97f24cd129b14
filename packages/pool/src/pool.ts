import type { AbortOptions, EventSource } from '@capsule/core'
import type { Session, WarmupCell } from '@capsule/session'
import type { PoolInfo } from './pool-info.ts'

/** What the pool asks of whoever makes its sessions. */
export interface PooledSessionRequest {
  /** Aborts when the pool is shut down. */
  readonly signal: AbortSignal
  /** For the session's own option of that name. */
  readonly warmup: readonly WarmupCell[]
}

export interface PoolOptions {
  /** How many idle sessions are kept ready. @defaultValue 0 */
  readonly minIdle?: number
  /** How many sessions there are at the most, whatever they do. @defaultValue 4, or `minIdle` where that is more */
  readonly maxSessions?: number
  /** After so long unused, idle sessions beyond `minIdle` are ended, in ms. @defaultValue 60_000 */
  readonly idleTimeoutMs?: number
  /**
   * What `release` does. `recycle`: a new worker, so that nothing at all is left of the lease before. `namespace`: an
   * empty namespace in the same worker, which is much faster; see docs/pool.md for what that leaves. @defaultValue 'recycle'
   */
  readonly reset?: ResetPolicy
  /** With `reset: 'namespace'`: after so many executions a session is recycled all the same. @defaultValue Infinity */
  readonly recycleAfterExecutions?: number
  /** A session older than this is recycled as soon as it is idle, in ms. @defaultValue Infinity */
  readonly maxSessionAgeMs?: number
  /** A lease that is held for longer is ended and its session recycled, in ms. @defaultValue Infinity */
  readonly maxLeaseMs?: number
  readonly warmup?: PoolWarmup
  readonly memoryBudget?: MemoryBudget
  readonly breaker?: BreakerOptions
  readonly health?: HealthOptions
  /** How many sessions may start at once. @defaultValue the number of CPUs, 4 at the most */
  readonly maxConcurrentStarts?: number
  /** How many callers may wait in `acquire`. @defaultValue 10_000 */
  readonly maxWaiting?: number
}

export type ResetPolicy = 'recycle' | 'namespace'

/** What runs in each session before it is handed out: the imports first, one after the other, then the code. */
export interface PoolWarmup {
  /** A cell that does not end as `ok` fails the start of the session. */
  readonly code?: string | readonly string[]
  /** Modules to load; needs sessions with `modules: true`. One that fails is counted, and fails the start only if it is required. */
  readonly imports?: readonly (string | WarmupImport)[]
}

export interface WarmupImport {
  readonly module: string
  /** @defaultValue false */
  readonly isRequired?: boolean
}

/** By the memory (RSS) that workers tell of in their heartbeats. */
export interface MemoryBudget {
  /** A session that uses more is recycled as soon as it is idle. @defaultValue Infinity */
  readonly perSessionBytes?: number
  /** Above it the largest idle sessions are ended, and no further ones are started but the first. @defaultValue Infinity */
  readonly totalBytes?: number
}

/** When sessions cannot be created: after so many failures no more attempts are made for a while. */
export type BreakerOptions = BreakerStrategy & {
  /** The first pause, in ms; it doubles with each failed probe, less up to a half of it at random. @defaultValue 500 */
  readonly initialBackoffMs?: number
  /** @defaultValue 30_000 */
  readonly maxBackoffMs?: number
}

export type BreakerStrategy =
  /** @defaultValue this one, with 5 failures */
  | { readonly strategy?: 'consecutive'; readonly failures?: number }
  | {
      readonly strategy: 'rate'
      /** Opens above this share of failures, between 0 and 1. @defaultValue 0.5 */
      readonly failureRatio?: number
      /** @defaultValue 10_000 */
      readonly windowMs?: number
      /** Fewer starts in the window say nothing. @defaultValue 5 */
      readonly minStarts?: number
    }

/** Looks after idle sessions: at intervals, and when something gives a reason to. */
export interface HealthOptions {
  /** @defaultValue 30_000; Infinity: only when there is a reason */
  readonly intervalMs?: number
  /** A session that does not answer in time is recycled, in ms. @defaultValue 5000 */
  readonly timeoutMs?: number
  /** An idle worker whose thread did not answer for so long gives a reason, in ms. @defaultValue 2000 */
  readonly maxEventLoopDelayMs?: number
  /** Asked after the session has answered, which nobody is given meanwhile; anything but `true`, a rejection included: recycle it. */
  readonly check?: (session: Session, options: Required<AbortOptions>) => boolean | Promise<boolean>
}

export interface AcquireOptions extends AbortOptions {
  /** How long to wait for a session; Infinity: as long as it takes. @defaultValue 30_000 */
  readonly timeoutMs?: number
}

/** The use of one session by one caller; `await using` gives it back. */
export interface Lease extends AsyncDisposable {
  readonly leaseId: string
  /** Every call throws LEASE_ENDED after the lease. What still runs then is cancelled. */
  readonly session: Session
  /** Gives the session back; resolves at once, the reset goes on behind. Idempotent. */
  release(options?: ReleaseOptions): Promise<void>
  /** Takes the session out of the pool: from now on it is the caller's to shut down. @throws LEASE_ENDED */
  detach(): Session
}

export interface ReleaseOptions {
  /** A new worker whatever `reset` says. @defaultValue false */
  readonly recycle?: boolean
}

/** Why a session left the pool. */
export type RecycleReason =
  | 'released'
  | 'requested'
  | 'tainted'
  | 'executions'
  | 'age'
  | 'memory'
  | 'unhealthy'
  | 'crashed'
  | 'leaked'
  | 'lease-expired'
  | 'reset-failed'
  | 'closed-by-caller'
  | 'not-reusable'
  | 'idle-timeout'
  | 'shutdown'

export interface PoolEvents {
  /** A session is ready and warm. */
  started: [facts: { sessionId: string; durationMs: number }]
  'start-failed': [facts: { error: Error }]
  acquired: [facts: { leaseId: string; sessionId: string; waitedMs: number }]
  released: [facts: { leaseId: string; sessionId: string; heldMs: number }]
  /** A session leaves the pool. */
  recycled: [facts: { sessionId: string; reason: RecycleReason }]
  /** A worker died by itself: while it was idle, its session is replaced; during a lease, the session has restarted it. */
  crashed: [facts: { sessionId: string; phase: MemberPhase; exit: { code: number | null; signal: string | null } }]
  /** A crashed session has a working successor. */
  repaired: [facts: { sessionId: string; phase: MemberPhase; successorId: string; durationMs: number }]
  breaker: [facts: { state: BreakerState; retryAfterMs?: number; error?: Error }]
  /** A lease was dropped without `release` and has been taken back. */
  leaked: [facts: { leaseId: string; sessionId: string }]
  /** A module of the warm-up could not be loaded. */
  'warmup-failed': [facts: { module: string; reason: string }]
  /** The end of one session failed, for example of its providers. */
  error: [error: Error]
}

export type MemberPhase = 'idle' | 'leased' | 'resetting'
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Warm sessions on demand. First come, first served. */
export interface Pool extends AsyncDisposable {
  readonly events: EventSource<PoolEvents>
  /**
   * @throws POOL_CLOSED, POOL_EXHAUSTED (nothing came free in time, or too many wait), BREAKER_OPEN (sessions cannot be
   * created now; `details.retryAfterMs`), CANCELLED, INVALID_OPTIONS
   */
  acquire(options?: AcquireOptions): Promise<Lease>
  /** An idle session, if there is one that nobody waits for. @throws POOL_CLOSED */
  tryAcquire(): Lease | undefined
  /** Acquires, calls, releases. @throws what `acquire` and the function throw */
  use<T>(work: (session: Session) => T | Promise<T>, options?: AcquireOptions): Promise<T>
  /** Resolves when `minIdle` sessions are idle. @throws BREAKER_OPEN, POOL_CLOSED, CANCELLED */
  warmUp(options?: AbortOptions): Promise<void>
  info(): PoolInfo
  /**
   * Refuses who waits, lets leases end for `graceMs`, then ends every session. Idempotent.
   * @defaultValue `graceMs` 2000
   * @throws AggregateError, INVALID_OPTIONS
   */
  shutdown(options?: { graceMs?: number }): Promise<void>
}
