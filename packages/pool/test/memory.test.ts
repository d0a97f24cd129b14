import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, heartbeat, openPool, warm } from './pool-lab.ts'

const mib = 1024 * 1024

it('starts what somebody waits for as soon as a heartbeat tells that there is room', async () => {
  const { pool, workerOf } = openPool({ maxSessions: 2, memoryBudget: { totalBytes: 300 * mib } })
  const lease = await waitFor(pool.acquire())
  const heard = createRecorder<unknown>()
  lease.session.events.on('heartbeat', heard.record)
  workerOf(lease.session).send({ ...heartbeat, rssBytes: 250 * mib })
  await heard.waitForCount(1)
  const waiting = pool.acquire()
  expect(pool.info().sessions).toMatchObject({ total: 1, starting: 0 })
  workerOf(lease.session).send({ ...heartbeat, rssBytes: 100 * mib })
  await waitFor(waiting)
})

it('does not end the only session, as new as it started, for another that will be as large', async () => {
  const { pool, created } = openPool({ minIdle: 1, maxSessions: 2, memoryBudget: { totalBytes: 50 * mib } })
  await warm(pool)
  const recycled = eventsOf(pool, 'recycled')
  const heard = createRecorder<unknown>()
  created.values[0]?.session.events.on('heartbeat', heard.record)
  created.values[0]?.worker.process.send({ ...heartbeat, rssBytes: 100 * mib })
  await heard.waitForCount(1)
  const lease = await waitFor(pool.acquire())
  expect(recycled.values).toEqual([])
  expect(lease.session.sessionId).toBe(created.values[0]?.session.sessionId)
})
