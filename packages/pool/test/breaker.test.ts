import { waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, openPool, warm } from './pool-lab.ts'

const broken = new Error('no room for a process')
const codeOf = (reason: unknown): unknown => (reason as { code?: unknown }).code

it('answers 1,000 waiters with few attempts to create', async () => {
  const { pool, attempts, failWith } = openPool({
    isDateFake: true,
    maxSessions: 8,
    maxConcurrentStarts: 4,
    breaker: { failures: 5 },
  })
  failWith(broken)
  const answers = await waitFor(Promise.allSettled(Array.from({ length: 1000 }, () => pool.acquire())))
  expect(answers.every((each) => each.status === 'rejected' && codeOf(each.reason) === 'BREAKER_OPEN')).toBe(true)
  // those that had begun when the fifth failed count too
  expect(attempts()).toBeLessThanOrEqual(5 + 3)
  expect(pool.info()).toMatchObject({
    acquisitions: { requests: 1000, misses: 1000, waits: { waiting: 0, refused: 1000 } },
    breaker: { state: 'open', opened: 1 },
  })
})

it('refuses at once while it is open, saying for how long and why', async () => {
  const { pool, attempts, failWith } = openPool({ isDateFake: true, breaker: { failures: 1, initialBackoffMs: 1000 } })
  failWith(broken)
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  const before = attempts()
  const error = await pool.acquire().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'BREAKER_OPEN', cause: broken })
  const { retryAfterMs } = (error as { details: { retryAfterMs: number } }).details
  expect(retryAfterMs).toBeGreaterThanOrEqual(500)
  expect(retryAfterMs).toBeLessThanOrEqual(1000)
  expect(attempts()).toBe(before)
})

it('makes one probe at a time, after pauses that grow, and recovers', async () => {
  const { pool, attempts, failWith, advance } = openPool({
    isDateFake: true,
    maxSessions: 8,
    maxConcurrentStarts: 4,
    breaker: { failures: 1, initialBackoffMs: 1000, maxBackoffMs: 4000 },
  })
  const changes = eventsOf(pool, 'breaker')
  failWith(broken)
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  const pauses: number[] = []
  for (let round = 0; round < 4; round++) {
    pauses.push(pool.info().breaker.retryAfterMs ?? 0)
    const before = attempts()
    advance(pauses.at(-1) ?? 0)
    const answers = await waitFor(Promise.allSettled(Array.from({ length: 50 }, () => pool.acquire())))
    expect(answers.map((each) => each.status === 'rejected' && codeOf(each.reason))).toEqual(
      Array(50).fill('BREAKER_OPEN'),
    )
    expect(attempts()).toBe(before + 1)
  }
  for (const [round, pause] of pauses.entries()) {
    const longest = Math.min(4000, 1000 * 2 ** round)
    expect(pause).toBeGreaterThanOrEqual(longest / 2)
    expect(pause).toBeLessThanOrEqual(longest)
  }
  failWith(undefined)
  advance(pool.info().breaker.retryAfterMs ?? 0)
  const leases = await waitFor(Promise.all(Array.from({ length: 8 }, () => pool.acquire())))
  expect(leases).toHaveLength(8)
  expect(changes.values.slice(-2).map(({ state }) => state)).toEqual(['half-open', 'closed'])
  expect(pool.info().breaker).toMatchObject({ state: 'closed', opened: 5 })
  expect(pool.info().breaker.history.at(-1)).toMatchObject({ state: 'closed' })
})

it('probes by itself for what minIdle asks for', async () => {
  const { pool, failWith, advance } = openPool({ isDateFake: true, breaker: { failures: 1 }, minIdle: 1 })
  failWith(broken)
  await expect(pool.warmUp()).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  failWith(undefined)
  advance(500)
  await warm(pool)
  expect(pool.info().breaker.state).toBe('closed')
})

it('lets waiters wait for sessions that come back', async () => {
  const lab = openPool({ isDateFake: true, maxSessions: 2, breaker: { failures: 1 }, session: {} })
  const lease = await waitFor(lab.pool.acquire())
  lab.failWith(broken)
  await expect(lab.pool.acquire()).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  // it was not used, so it comes back as it is
  await lease.release()
  await waitFor(lab.pool.acquire())
})

it('opens by rate: only when enough has been tried', async () => {
  const { pool, attempts, failWith, advance } = openPool({
    isDateFake: true,
    maxConcurrentStarts: 1,
    breaker: { strategy: 'rate', failureRatio: 0.5, windowMs: 10_000, minStarts: 4 },
  })
  const [first, second, third] = await waitFor(Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]))
  expect(pool.info().starts.succeeded).toBe(3)
  failWith(broken)
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  // three went well, so the fourth failure is the first that makes more than half
  expect(attempts()).toBe(3 + 4)
  advance(100)
  await Promise.all([first, second, third].map((lease) => lease?.release()))
})
