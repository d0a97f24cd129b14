import type { Session } from '@capsule/session'
import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, openPool, warm } from './pool-lab.ts'

it('hands no session out while a check of one’s own has it', async () => {
  const asked = createRecorder<Session>()
  const answer = Promise.withResolvers<boolean>()
  const { pool, clock } = openPool({
    minIdle: 1,
    maxSessions: 1,
    health: {
      intervalMs: 1000,
      check: (session) => {
        asked.record(session)
        return answer.promise
      },
    },
  })
  await warm(pool)
  clock.advance(1000)
  await asked.waitForCount(1)
  expect(pool.tryAcquire()).toBeUndefined()
  const waiting = pool.acquire()
  answer.resolve(true)
  const lease = await waitFor(waiting)
  expect(lease.session.sessionId).toBe(asked.values[0]?.sessionId)
})

it('does not count a session as unhealthy that was ended while it was asked', async () => {
  const { pool, clock, created } = openPool({
    minIdle: 1,
    health: { intervalMs: 1000, check: () => new Promise<boolean>(() => {}) },
  })
  await warm(pool)
  clock.advance(1000)
  await waitFor(created.values[0]?.worker.process.next('inspect') ?? Promise.reject(new Error('none')))
  const repaired = eventsOf(pool, 'repaired')
  created.values[0]?.worker.process.exit({ code: 1 })
  await repaired.waitForCount(1)
  clock.advance(5000)
  await new Promise((resolve) => setImmediate(resolve))
  expect(pool.info().health.failed).toBe(0)
})

it('leaves no timer behind', async () => {
  const { pool, clock } = openPool({ maxSessions: 3, maxSessionAgeMs: 1_000_000 })
  const leases = await waitFor(Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]))
  for (const lease of leases) await lease.release()
  await waitFor(pool.shutdown())
  expect(clock.pendingTimers).toBe(0)
})

it('counts a start once that gives no session', async () => {
  const { pool } = openPool({ isDateFake: true, breaker: { failures: 1 }, createSession: async () => ({}) as Session })
  await expect(waitFor(pool.acquire())).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
  expect(pool.info()).toMatchObject({
    sessions: { starting: 0, total: 0 },
    starts: { attempts: 1, failed: 1, succeeded: 0 },
  })
})

it('pauses between workers that die as soon as they are idle', async () => {
  const { pool, clock, created, attempts } = openPool({ minIdle: 1, maxSessions: 1 })
  const crashed = eventsOf(pool, 'crashed')
  for (let death = 1; death <= 4; death++) {
    await created.waitForCount(death)
    await warm(pool)
    created.values.at(-1)?.worker.process.exit({ code: 1 })
    await crashed.waitForCount(death)
  }
  await new Promise((resolve) => setImmediate(resolve))
  expect(attempts()).toBe(4)
  // who asks is served all the same
  const lease = await waitFor(pool.acquire())
  await lease.session.run('1')
  await lease.release()
  clock.advance(500)
  await warm(pool)
})
