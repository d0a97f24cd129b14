/** Warm sessions on demand: fair, bounded, self-healing. */
export { createPool, type CreatePoolOptions } from './create-pool.ts'
export { poolErrors } from './errors.ts'
export { sessionOfLease } from './leased-session.ts'
export type {
  AcquireOptions,
  BreakerOptions,
  BreakerState,
  BreakerStrategy,
  HealthOptions,
  Lease,
  MemberPhase,
  MemoryBudget,
  Pool,
  PooledSessionRequest,
  PoolEvents,
  PoolOptions,
  PoolWarmup,
  RecycleReason,
  ReleaseOptions,
  ResetPolicy,
  WarmupImport,
} from './pool.ts'
export type { HealthTrigger, Histogram, PoolInfo, WarmupModuleInfo } from './pool-info.ts'
