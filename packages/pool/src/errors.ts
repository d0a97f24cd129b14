import { defineErrors } from '@capsule/core'

export const poolErrors = defineErrors({
  POOL_EXHAUSTED: {
    message: ({ reason, waiting, leased, maxSessions }: PoolPressure & { reason: 'timeout' | 'queue-full' }) =>
      reason === 'timeout'
        ? `no session came free in time: ${leased} of ${maxSessions} are leased, and ${waiting} others wait`
        : `${waiting} callers wait for a session already`,
    cause: 'More work came than the sessions of the pool get done, or leases are held for too long.',
    next: 'Raise `maxSessions` or the `timeoutMs` of `acquire()`, release leases sooner, or send less; `pool.info()` tells which.',
  },
  POOL_CLOSED: {
    message: (_details: Record<string, never> = {}) => 'the pool is closed',
    cause: 'The pool was shut down or disposed before or during the call.',
    next: 'Create a new pool.',
  },
  BREAKER_OPEN: {
    message: ({ retryAfterMs }: { retryAfterMs: number }) =>
      `sessions cannot be created now; the next attempt is in ${Math.ceil(retryAfterMs)} ms`,
    cause: 'Creating sessions failed too often; `error.cause` is why the last one failed.',
    next: 'Mend what `error.cause` tells. Try again after `details.retryAfterMs`.',
  },
  LEASE_ENDED: {
    message: ({ leaseId, why }: { leaseId: string; why: string }) => `the lease ${leaseId} has ended: ${why}`,
    cause: 'The session was given back, taken out of the pool, or taken back because the lease was too long.',
    next: 'Acquire a new lease; raise `maxLeaseMs` if leases may take longer.',
  },
  MEMORY_UNKNOWN: {
    message: (_details: Record<string, never> = {}) =>
      'the memory budget cannot be kept: the sessions send no heartbeats',
    cause: '`memoryBudget` goes by heartbeats, and the sessions have `heartbeatMs: 0`.',
    next: 'Leave `heartbeatMs` at its default, or leave `memoryBudget` out.',
  },
})

interface PoolPressure {
  readonly waiting: number
  readonly leased: number
  readonly maxSessions: number
}
