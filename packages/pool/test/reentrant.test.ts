import type { Lease } from '@capsule/pool'
import { waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, heartbeat, openPool, warm } from './pool-lab.ts'

it('gives each waiter one lease, also when a listener gives another back meanwhile', async () => {
  const { pool } = openPool({ maxSessions: 2 })
  const [first, second] = await waitFor(Promise.all([pool.acquire(), pool.acquire()]))
  const waiting = Promise.all([pool.acquire(), pool.acquire()])
  pool.events.once('acquired', () => void second.release())
  await first.release()
  const leases = await waitFor(waiting)
  expect(new Set(leases.map(({ leaseId }) => leaseId)).size).toBe(2)
  expect(pool.info()).toMatchObject({ leases: { active: 2 }, acquisitions: { waits: { served: 4 } } })
})

it('answers a waiter once, also when a listener cancels it while it is served', async () => {
  const { pool } = openPool({ maxSessions: 1 })
  const first = await waitFor(pool.acquire())
  const stop = new AbortController()
  const waiting = pool.acquire({ signal: stop.signal })
  pool.events.once('acquired', () => stop.abort())
  await first.release()
  await using lease = await waitFor(waiting)
  expect(lease.session.info().state).toBe('ready')
  expect(pool.info().acquisitions.waits).toMatchObject({ served: 2, cancelled: 0 })
})

it('does not hand out a session that has just crashed to a listener that asks for one', async () => {
  const { pool, created } = openPool({ minIdle: 1, maxSessions: 2 })
  await warm(pool)
  let asked: Promise<Lease> | undefined
  pool.events.once('crashed', () => void (asked = pool.acquire()))
  const crashed = eventsOf(pool, 'crashed')
  created.values[0]?.worker.process.exit({ signal: 'SIGKILL' })
  await crashed.waitForCount(1)
  const lease = await waitFor(asked ?? Promise.reject(new Error('not told')))
  expect(lease.session.sessionId).not.toBe(created.values[0]?.session.sessionId)
  expect((await lease.session.run('1')).outcome.status).toBe('ok')
})

it('ends no session for its idle time that a listener has acquired meanwhile', async () => {
  const { pool, clock } = openPool({ maxSessions: 2, idleTimeoutMs: 1000 })
  const leases = await waitFor(Promise.all([pool.acquire(), pool.acquire()]))
  for (const lease of leases) await lease.release()
  const taken: Lease[] = []
  pool.events.once('recycled', () => {
    const lease = pool.tryAcquire()
    if (lease !== undefined) taken.push(lease)
  })
  clock.advance(1000)
  const [lease] = taken
  expect((await lease?.session.run('1'))?.outcome.status).toBe('ok')
  expect(pool.info()).toMatchObject({ sessions: { leased: 1 }, recycles: { byReason: { 'idle-timeout': 1 } } })
})

it('evicts no session that a listener has acquired meanwhile', async () => {
  const mib = 1024 * 1024
  const { pool, created } = openPool({ minIdle: 2, maxSessions: 3, memoryBudget: { totalBytes: 100 * mib } })
  const first = await waitFor(pool.acquire())
  await warm(pool)
  const tell = (index: number, size: number): void =>
    created.values[index]?.worker.process.send({ ...heartbeat, rssBytes: size * mib })
  tell(1, 40)
  tell(2, 50)
  let taken: Lease | undefined
  pool.events.once('recycled', () => (taken = pool.tryAcquire()))
  const recycled = eventsOf(pool, 'recycled')
  tell(0, 300)
  await recycled.waitForCount(1)
  expect(taken?.session.info().state).toBe('ready')
  expect(pool.info()).toMatchObject({ sessions: { leased: 2 }, memory: { evicted: 1 } })
  await first.release()
})

it('never has more sessions than allowed, whatever a listener asks for', async () => {
  const { pool, created } = openPool({ maxSessions: 1, warmup: { imports: ['broken'] } })
  let asked: Promise<unknown> | undefined
  pool.events.once('warmup-failed', () => void (asked = pool.acquire().catch((error: unknown) => error)))
  const lease = await waitFor(pool.acquire())
  expect(pool.info().sessions).toMatchObject({ total: 1, highWater: 1 })
  await lease.release()
  await waitFor(asked ?? Promise.reject(new Error('not told')))
  expect(created.values).toHaveLength(1)
})

it('ends everything when a listener shuts it down', async () => {
  for (const name of ['acquired', 'released', 'started', 'recycled'] as const) {
    const { pool, created } = openPool({ maxSessions: 2 })
    let closing: Promise<void> | undefined
    pool.events.once(name, () => void (closing = pool.shutdown({ graceMs: 0 })))
    const answers = [pool.acquire(), pool.acquire(), pool.acquire()].map((each) =>
      each.then((lease) => lease.release({ recycle: true })),
    )
    await waitFor(Promise.allSettled(answers))
    await waitFor(closing ?? Promise.reject(new Error(`not told of ${name}`)))
    const { sessions, acquisitions, leases } = pool.info()
    expect(sessions.total).toBe(0)
    const { served, waiting, timedOut, cancelled, refused } = acquisitions.waits
    expect(served + waiting + timedOut + cancelled + refused).toBe(acquisitions.misses)
    expect(leases.released + leases.expired).toBe(leases.acquired)
    expect(created.values.every(({ session }) => session.info().state === 'closed')).toBe(true)
  }
})
