import type { Lease, Pool } from '@capsule/pool'
import { waitFor } from '@capsule/testing'
import { array, assert, asyncProperty, constantFrom, record } from 'fast-check'
import { expect, it } from 'vitest'
import { openPool, type PoolLab } from './pool-lab.ts'

const sum = (numbers: Readonly<Record<string, number>>): number => Object.values(numbers).reduce((a, b) => a + b, 0)

/** What must hold at every moment. */
function expectConsistent(pool: Pool, max: number): void {
  const { sessions, acquisitions, leases, starts, recycles } = pool.info()
  const { total, max: _max, highWater, ...phases } = sessions
  expect(sum(phases)).toBe(total)
  expect(total).toBeLessThanOrEqual(max)
  expect(highWater).toBeLessThanOrEqual(max)
  expect(acquisitions.hits + acquisitions.misses).toBe(acquisitions.requests)
  expect(sum(acquisitions.waits)).toBe(acquisitions.misses)
  expect(acquisitions.latency.count).toBe(leases.acquired)
  const { acquired, ...ends } = leases
  expect(sum(ends)).toBe(acquired)
  expect(leases.active).toBe(sessions.leased)
  expect(starts.succeeded + starts.failed + starts.aborted + sessions.starting).toBe(starts.attempts)
  expect(sum(recycles.byReason)).toBe(recycles.total)
  // every session that was started is here, has been recycled, or was taken out
  expect(total - sessions.starting - sessions.ending + recycles.total + leases.detached).toBe(starts.succeeded)
}

const actions = {
  acquire: ({ pool }: PoolLab, leases: Lease[]) =>
    void pool.acquire({ timeoutMs: 50 }).then(
      (lease) => leases.push(lease),
      () => {},
    ),
  run: (_: PoolLab, leases: Lease[]) => void leases[0]?.session.run('1').catch(() => {}),
  release: (_: PoolLab, leases: Lease[]) => void leases.shift()?.release(),
  detach: (_: PoolLab, leases: Lease[]) => void leases.shift()?.detach().shutdown({ graceMs: 0 }),
  crash: ({ created }: PoolLab) => created.values.at(-1)?.worker.process.exit({ signal: 'SIGKILL' }),
  close: (_: PoolLab, leases: Lease[]) => void leases[0]?.session.shutdown({ graceMs: 0 }),
  fail: ({ failWith }: PoolLab) => failWith(new Error('no')),
  mend: ({ failWith }: PoolLab) => failWith(undefined),
  time: ({ advance }: PoolLab) => advance(60),
  turn: () => new Promise<void>((resolve) => setImmediate(resolve)),
} as const

it('gives an account that adds up, whatever happens in whatever order', { timeout: 60_000 }, async () => {
  const step = constantFrom(...(Object.keys(actions) as (keyof typeof actions)[]))
  const policy = record({
    reset: constantFrom('recycle' as const, 'namespace' as const),
    minIdle: constantFrom(0, 1, 3),
  })
  await assert(
    asyncProperty(policy, array(step, { minLength: 10, maxLength: 60 }), async (options, steps) => {
      const lab = openPool({
        ...options,
        isDateFake: true,
        maxSessions: 3,
        idleTimeoutMs: 100,
        maxSessionAgeMs: 500,
        breaker: { failures: 2, initialBackoffMs: 50 },
      })
      const leases: Lease[] = []
      for (const name of steps) {
        await actions[name](lab, leases)
        expectConsistent(lab.pool, 3)
      }
      await waitFor(lab.pool.shutdown({ graceMs: 0 }))
      expectConsistent(lab.pool, 3)
      expect(lab.pool.info().sessions.total).toBe(0)
      expect(lab.pool.info().acquisitions.waits.waiting).toBe(0)
    }),
    { numRuns: 150 },
  )
})
