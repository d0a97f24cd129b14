import { isCapsuleError } from '@capsule/core'
import { poolErrors } from '@capsule/pool'
import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, openPool, warm } from './pool-lab.ts'

it('hands out a session, and creates one if none is idle', async () => {
  const { pool } = openPool()
  await using lease = await waitFor(pool.acquire())
  expect((await lease.session.run('1 + 1')).outcome).toMatchObject({ status: 'ok', text: '1 + 1' })
  expect(pool.info()).toMatchObject({ sessions: { total: 1, leased: 1 }, acquisitions: { hits: 0, misses: 1 } })
})

it('gives the session back when the scope of the lease ends', async () => {
  const { pool } = openPool()
  {
    await using lease = await waitFor(pool.acquire())
    expect(lease.session.info().state).toBe('ready')
  }
  expect(pool.info().leases).toMatchObject({ acquired: 1, active: 0, released: 1 })
})

it('uses a session for one function, whose result and error are passed on', async () => {
  const { pool } = openPool({ minIdle: 1 })
  expect(await pool.use(async (session) => (await session.run('a')).outcome.text)).toBe('a')
  await expect(
    pool.use(() => {
      throw new Error('mine')
    }),
  ).rejects.toThrow('mine')
  expect(pool.info().leases).toMatchObject({ active: 0, released: 2 })
})

it('is of no use after its release', async () => {
  const { pool } = openPool({ minIdle: 1 })
  const lease = await waitFor(pool.acquire())
  const { session } = lease
  await lease.release()
  await lease.release()
  expect(() => session.execute('1')).toThrow(expect.objectContaining({ code: 'LEASE_ENDED' }))
  await expect(session.run('1')).rejects.toMatchObject({ code: 'LEASE_ENDED' })
  expect(() => session.info()).toThrow(/the session was released/)
  expect(() => lease.detach()).toThrow(expect.objectContaining({ code: 'LEASE_ENDED' }))
  await session[Symbol.asyncDispose]()
  expect(pool.info().leases.released).toBe(1)
})

it('leaves no listener on a session that goes on', async () => {
  const { pool, workerOf } = openPool({ minIdle: 1, maxSessions: 1 })
  await warm(pool)
  const lease = await pool.acquire()
  const heard = createRecorder<string>()
  lease.session.events.on('stray', ({ text }) => heard.record(text))
  lease.session.events.once('stray', ({ text }) => heard.record(`once ${text}`))
  const process = workerOf(lease.session)
  process.stray('stdout', 'a')
  process.stray('stdout', 'b')
  await heard.waitForCount(3)
  expect(heard.values).toEqual(['a', 'once a', 'b'])
  // nothing was run, so the very session is handed out again
  await lease.release()
  const next = await waitFor(pool.acquire())
  expect(next.session.sessionId).toBe(lease.session.sessionId)
  const heardNext = createRecorder<string>()
  next.session.events.on('stray', ({ text }) => heardNext.record(text))
  process.stray('stdout', 'c')
  await heardNext.waitForCount(1)
  expect(heard.values).toHaveLength(3)
})

it('takes a listener away again', async () => {
  const { pool, workerOf } = openPool()
  const { session } = await waitFor(pool.acquire())
  const removed = createRecorder<unknown>()
  const kept = createRecorder<unknown>()
  session.events.on('stray', removed.record).once('stray', removed.record).off('stray', removed.record)
  session.events.on('stray', kept.record)
  workerOf(session).stray('stdout', 'a')
  await kept.waitForCount(1)
  expect(removed.values).toEqual([])
})

it('cancels what still runs when it is released', async () => {
  const { pool } = openPool()
  const lease = await waitFor(pool.acquire())
  const execution = lease.session.execute('hang')
  await lease.release()
  expect(await waitFor(execution.outcome)).toMatchObject({ status: 'cancelled', state: 'lost' })
})

it('puts a new session in the place of one that was used', async () => {
  const { pool } = openPool({ minIdle: 1, maxSessions: 1 })
  const recycled = eventsOf(pool, 'recycled')
  const first = await waitFor(pool.acquire())
  await first.session.run('1')
  await first.release()
  const second = await waitFor(pool.acquire())
  expect(second.session.sessionId).not.toBe(first.session.sessionId)
  expect(recycled.values).toEqual([{ sessionId: first.session.sessionId, reason: 'released' }])
})

it('can be detached: the session goes on, and the pool has room for another', async () => {
  const { pool } = openPool({ minIdle: 1, maxSessions: 1 })
  const lease = await waitFor(pool.acquire())
  const session = lease.detach()
  await warm(pool)
  expect((await session.run('mine')).outcome.status).toBe('ok')
  expect(() => lease.session.info()).toThrow(/taken out of the pool/)
  await pool.shutdown({ graceMs: 0 })
  expect((await session.run('still mine')).outcome.status).toBe('ok')
  await session.shutdown()
})

it('ends when it is held for too long, and its session is recycled', async () => {
  const { pool, clock } = openPool({ maxLeaseMs: 1000 })
  const recycled = eventsOf(pool, 'recycled')
  const lease = await waitFor(pool.acquire())
  const execution = lease.session.execute('hang')
  clock.advance(1000)
  expect(() => lease.session.info()).toThrow(/maxLeaseMs/)
  expect(await waitFor(execution.outcome)).toMatchObject({ status: 'cancelled' })
  await lease.release()
  expect(recycled.values).toMatchObject([{ reason: 'lease-expired' }])
  expect(pool.info().leases).toMatchObject({ expired: 1, released: 0 })
})

it('tells its own errors by code', async () => {
  const { pool } = openPool()
  await pool.shutdown()
  const error = await pool.acquire().catch((reason: unknown) => reason)
  expect(isCapsuleError(error) && poolErrors.POOL_CLOSED.is(error)).toBe(true)
})
