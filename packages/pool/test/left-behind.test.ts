import type { Session } from '@capsule/session'
import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, openPool, warm } from './pool-lab.ts'

it('does not tell the next lease of a worker that died in an unused lease', async () => {
  const { pool, workerOf } = openPool({ minIdle: 1, maxSessions: 1 })
  const repaired = eventsOf(pool, 'repaired')
  const lease = await waitFor(pool.acquire())
  workerOf(lease.session).exit({ signal: 'SIGKILL' })
  await repaired.waitForCount(1)
  await lease.release()
  const next = await waitFor(pool.acquire())
  expect((await next.session.run('1')).outcome.status).toBe('ok')
})

it.each([
  ['restore', (session) => session.restore(new Uint8Array(1))],
  ['shutdown', (session) => session.shutdown({ checkpoint: true })],
] satisfies [string, (session: Session) => Promise<unknown>][])(
  'reuses no session in which %s() is still under way',
  async (_, call) => {
    const { pool, workerOf } = openPool({ minIdle: 1, maxSessions: 1, reset: 'namespace' })
    const recycled = eventsOf(pool, 'recycled')
    const lease = await waitFor(pool.acquire())
    const process = workerOf(lease.session)
    const done = call(lease.session).catch(() => {})
    await lease.release()
    expect(recycled.values).toMatchObject([{ reason: 'not-reusable' }])
    // it answers no request for a checkpoint
    process.exit({ code: 0 })
    await waitFor(done)
    await warm(pool)
  },
)

it('recycles a session whose grants have changed, though nothing was run in it', async () => {
  let isUntouched = true
  const { pool } = openPool({ minIdle: 1, maxSessions: 1, mayReuse: () => isUntouched })
  const recycled = eventsOf(pool, 'recycled')
  const lease = await waitFor(pool.acquire())
  isUntouched = false
  await lease.release()
  expect(recycled.values).toMatchObject([{ reason: 'not-reusable' }])
})

it('recycles a session when nobody can say whether it may be reused', async () => {
  const mayReuse = (): boolean => {
    throw new Error('no idea')
  }
  const { pool } = openPool({ minIdle: 1, maxSessions: 1, reset: 'namespace', mayReuse })
  const lease = await waitFor(pool.acquire())
  await lease.session.run('1')
  await lease.release()
  expect(pool.info().recycles.byReason['not-reusable']).toBe(1)
  await waitFor(pool.acquire())
})

it('takes away only the listener that is meant', async () => {
  const { pool, workerOf } = openPool()
  const { session } = await waitFor(pool.acquire())
  const process = workerOf(session)
  const both = createRecorder<unknown>()
  session.events.on('stray', both.record).on('late', both.record).off('late', both.record)
  process.stray('stdout', 'a')
  await both.waitForCount(1)
  const onAndOnce = createRecorder<unknown>()
  session.events.on('stray', onAndOnce.record).once('stray', onAndOnce.record)
  process.stray('stdout', 'b')
  await onAndOnce.waitForCount(2)
  process.stray('stdout', 'c')
  await onAndOnce.waitForCount(3)
  expect(both.values).toHaveLength(3)
})
