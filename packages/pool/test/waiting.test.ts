import { waitFor } from '@capsule/testing'
import { assert, asyncProperty, integer, array } from 'fast-check'
import { expect, it } from 'vitest'
import { openPool, warm } from './pool-lab.ts'

it('serves who waits in the order of their calls', async () => {
  const { pool } = openPool({ maxSessions: 1, maxConcurrentStarts: 1 })
  const first = await waitFor(pool.acquire())
  const order: number[] = []
  const waiting = [1, 2, 3].map(async (n) => {
    const lease = await pool.acquire()
    order.push(n)
    await lease.release()
  })
  expect(pool.info().acquisitions.waits.waiting).toBe(3)
  await first.release()
  await waitFor(Promise.all(waiting))
  expect(order).toEqual([1, 2, 3])
})

it('does not let a newcomer overtake', async () => {
  await assert(
    asyncProperty(
      integer({ min: 1, max: 4 }),
      array(integer({ min: 0, max: 3 }), { maxLength: 20 }),
      async (max, holds) => {
        const { pool } = openPool({ maxSessions: max, minIdle: max })
        const order: number[] = []
        const jobs = holds.map(async (cells, n) => {
          const lease = await pool.acquire()
          order.push(n)
          for (let i = 0; i < cells; i++) await lease.session.run(`${i}`)
          await lease.release()
        })
        await waitFor(Promise.all(jobs))
        expect(order).toEqual(holds.map((_, n) => n))
        await pool.shutdown({ graceMs: 0 })
      },
    ),
    { numRuns: 25 },
  )
})

it('gives up after the timeout, saying how things stand', async () => {
  const { pool, clock } = openPool({ maxSessions: 1 })
  await waitFor(pool.acquire())
  const refused = pool.acquire({ timeoutMs: 100 })
  clock.advance(100)
  await expect(refused).rejects.toMatchObject({
    code: 'POOL_EXHAUSTED',
    details: { reason: 'timeout', leased: 1, maxSessions: 1 },
  })
  expect(pool.info().acquisitions.waits).toMatchObject({ waiting: 0, timedOut: 1 })
})

it('stops waiting when the signal fires, before and while it waits', async () => {
  const { pool } = openPool({ maxSessions: 1 })
  await waitFor(pool.acquire())
  const stop = new AbortController()
  const waiting = pool.acquire({ signal: stop.signal })
  stop.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
  await expect(pool.acquire({ signal: stop.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(pool.info().acquisitions.waits).toMatchObject({ waiting: 0, cancelled: 1 })
})

it('refuses more than may wait', async () => {
  const { pool } = openPool({ maxSessions: 1, maxWaiting: 1 })
  await waitFor(pool.acquire())
  const waiting = pool.acquire().catch((error: unknown) => error)
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED', details: { reason: 'queue-full' } })
  await pool.shutdown({ graceMs: 0 })
  expect(await waiting).toMatchObject({ code: 'POOL_CLOSED' })
})

it('says at once whether a session is idle', async () => {
  const { pool } = openPool({ minIdle: 1, maxSessions: 1 })
  expect(pool.tryAcquire()).toBeUndefined()
  await warm(pool)
  const lease = pool.tryAcquire()
  expect(lease?.session.info().state).toBe('ready')
  expect(pool.tryAcquire()).toBeUndefined()
})

it.each([
  [{ minIdle: -1 }, 'minIdle'],
  [{ minIdle: 3, maxSessions: 2 }, 'minIdle'],
  [{ maxSessions: 0 }, 'maxSessions'],
  [{ idleTimeoutMs: 0 }, 'idleTimeoutMs'],
  [{ breaker: { strategy: 'rate', failureRatio: 2 } }, 'breaker'],
  [{ warmup: { imports: [''] } }, 'warmup'],
  [{ typo: true }, 'typo'],
])('refuses the options %j', (options, name) => {
  expect(() => openPool(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTIONS', message: expect.stringContaining(name) }),
  )
})

it('refuses wrong options of acquire()', async () => {
  const { pool } = openPool()
  await expect(pool.acquire({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  expect(pool.info().acquisitions.requests).toBe(0)
})
