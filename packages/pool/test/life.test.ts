import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, heartbeat, openPool, warm } from './pool-lab.ts'

const mib = 1024 * 1024

it('keeps minIdle sessions ready, and starts another when one is taken', async () => {
  const { pool, created, attempts, clock } = openPool({ minIdle: 2, maxSessions: 4 })
  await warm(pool)
  expect(pool.info().sessions).toMatchObject({ idle: 2, total: 2 })
  await pool.acquire()
  // the first cell of the lease goes before it
  expect(attempts()).toBe(2)
  clock.advance(10)
  await created.waitForCount(3)
  await warm(pool)
  expect(pool.info()).toMatchObject({ sessions: { idle: 2, leased: 1 }, acquisitions: { hits: 1, misses: 0 } })
})

it('starts few at a time, however many are wanted', async () => {
  const { pool, hold, attempts } = openPool({ minIdle: 8, maxSessions: 8, maxConcurrentStarts: 2 })
  expect(attempts()).toBe(2)
  const go = hold()
  await waitFor(new Promise((resolve) => pool.events.once('started', resolve)))
  expect(pool.info().sessions.starting).toBe(2)
  go()
  await warm(pool)
  expect(pool.info()).toMatchObject({ sessions: { idle: 8 }, watermarks: { startingHigh: 2 } })
})

it('ends idle sessions beyond minIdle after a while, the ones unused longest', async () => {
  const { pool, clock } = openPool({ minIdle: 1, maxSessions: 3, idleTimeoutMs: 1000 })
  const leases = await waitFor(Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]))
  const recycled = eventsOf(pool, 'recycled')
  for (const lease of leases) await lease.release()
  expect(pool.info().sessions.idle).toBe(3)
  clock.advance(999)
  expect(recycled.values).toEqual([])
  clock.advance(1)
  await recycled.waitForCount(2)
  const ended = recycled.values.map(({ sessionId }) => sessionId)
  expect(ended).toEqual([leases[0]?.session.sessionId, leases[1]?.session.sessionId])
  expect(pool.info()).toMatchObject({ sessions: { idle: 1 }, recycles: { byReason: { 'idle-timeout': 2 } } })
})

it('renews sessions that are too old, while idle and at release', async () => {
  const { pool, clock } = openPool({ minIdle: 1, maxSessions: 2, maxSessionAgeMs: 1000 })
  await warm(pool)
  const recycled = eventsOf(pool, 'recycled')
  const lease = await pool.acquire()
  await warm(pool)
  clock.advance(1000)
  await recycled.waitForCount(1)
  expect(lease.session.info().state).toBe('ready')
  await lease.release()
  expect(recycled.values).toMatchObject([{ reason: 'age' }, { reason: 'age' }])
  await warm(pool)
})

it('renews a tainted session when it is given back, not in the way of its user', async () => {
  const { pool } = openPool({ minIdle: 1, reset: 'namespace' })
  const recycled = eventsOf(pool, 'recycled')
  const lease = await waitFor(pool.acquire())
  expect((await lease.session.run('taint')).outcome.tainted).toBe(true)
  expect((await lease.session.run('go on')).outcome.status).toBe('ok')
  expect(recycled.values).toEqual([])
  await lease.release()
  expect(recycled.values).toEqual([{ sessionId: lease.session.sessionId, reason: 'tainted' }])
  await warm(pool)
})

it('recycles after so many executions, and when asked to', async () => {
  const { pool } = openPool({ minIdle: 1, reset: 'namespace', recycleAfterExecutions: 2 })
  const recycled = eventsOf(pool, 'recycled')
  const lease = await waitFor(pool.acquire())
  await lease.session.run('1')
  await lease.session.run('2')
  await lease.release()
  const next = await waitFor(pool.acquire())
  await next.release({ recycle: true })
  expect(recycled.values.map(({ reason }) => reason)).toEqual(['executions', 'requested'])
})

it('replaces a session that its user has shut down', async () => {
  const { pool } = openPool({ minIdle: 1 })
  const recycled = eventsOf(pool, 'recycled')
  const lease = await waitFor(pool.acquire())
  await lease.session.shutdown()
  await lease.release()
  expect(recycled.values).toMatchObject([{ reason: 'closed-by-caller' }])
  await warm(pool)
})

it('does not hand out a session that somebody else has closed', async () => {
  const { pool, created } = openPool({ minIdle: 1 })
  await warm(pool)
  await created.values[0]?.session.shutdown()
  const lease = await waitFor(pool.acquire())
  expect(lease.session.sessionId).toBe(created.values[1]?.session.sessionId)
})

it('replaces a worker that dies idle, and tells of both', async () => {
  const { pool, created } = openPool({ minIdle: 1 })
  await warm(pool)
  const crashed = eventsOf(pool, 'crashed')
  const repaired = eventsOf(pool, 'repaired')
  created.values[0]?.worker.process.exit({ signal: 'SIGKILL' })
  await repaired.waitForCount(1)
  const [first, second] = created.values.map(({ session }) => session.sessionId)
  expect(crashed.values).toEqual([{ sessionId: first, phase: 'idle', exit: { code: null, signal: 'SIGKILL' } }])
  expect(repaired.values).toMatchObject([{ sessionId: first, successorId: second, phase: 'idle' }])
  expect((await (await pool.acquire()).session.run('1')).outcome.status).toBe('ok')
  expect(pool.info()).toMatchObject({ crashes: { idle: 1 }, recycles: { byReason: { crashed: 1 } } })
})

it('replaces one that dies idle also when none has to be kept', async () => {
  const { pool, created } = openPool()
  const lease = await waitFor(pool.acquire())
  await lease.release()
  const repaired = eventsOf(pool, 'repaired')
  created.values[0]?.worker.process.exit({ code: 1 })
  await repaired.waitForCount(1)
  expect(pool.info().sessions.idle).toBe(1)
})

it('lets a session restart the worker that dies in its user’s hands, and tells of it', async () => {
  const { pool, workerOf } = openPool({ minIdle: 1 })
  const repaired = eventsOf(pool, 'repaired')
  const lease = await waitFor(pool.acquire())
  const execution = lease.session.execute('hang')
  workerOf(lease.session).exit({ signal: 'SIGKILL' })
  expect(await waitFor(execution.outcome)).toMatchObject({ status: 'crashed', state: 'lost' })
  await repaired.waitForCount(1)
  const { sessionId } = lease.session
  expect(repaired.values).toMatchObject([{ sessionId, successorId: sessionId, phase: 'leased' }])
  expect((await lease.session.run('again')).outcome.status).toBe('ok')
  expect(pool.info().crashes).toEqual({ idle: 0, leased: 1, resetting: 0 })
})

it('tells of the repair also when the lease ends before the session has restarted', async () => {
  const { pool, workerOf } = openPool({ minIdle: 1, maxSessions: 1 })
  const repaired = eventsOf(pool, 'repaired')
  const lease = await waitFor(pool.acquire())
  const execution = lease.session.execute('hang')
  workerOf(lease.session).exit({ code: 9 })
  await waitFor(execution.outcome)
  await lease.release()
  await repaired.waitForCount(1)
  expect(repaired.values).toMatchObject([{ sessionId: lease.session.sessionId, phase: 'leased' }])
  expect(repaired.values[0]?.successorId).not.toBe(lease.session.sessionId)
})

it('takes a lease back that was dropped, once nothing runs in it', async () => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { execution: 'async' }) => Promise<void>
  const { pool } = openPool({ minIdle: 1, maxSessions: 1 })
  const leaked = eventsOf(pool, 'leaked')
  const drop = async (): Promise<void> => {
    const lease = await waitFor(pool.acquire())
    lease.session.events.once('crashed', () => {})
    await lease.session.run('1')
  }
  await drop()
  const waiting = pool.acquire()
  await collect({ execution: 'async' })
  await leaked.waitForCount(1)
  await waitFor(waiting)
  expect(pool.info()).toMatchObject({ leases: { leaked: 1, active: 1 }, recycles: { byReason: { leaked: 1 } } })
})

it('recycles an idle session that has grown too large, and one that is given back', async () => {
  const { pool, workerOf, created } = openPool({
    minIdle: 1,
    maxSessions: 2,
    memoryBudget: { perSessionBytes: 100 * mib },
  })
  await warm(pool)
  const recycled = eventsOf(pool, 'recycled')
  created.values[0]?.worker.process.send({ ...heartbeat, rssBytes: 200 * mib })
  await recycled.waitForCount(1)
  const lease = await waitFor(pool.acquire())
  const heard = createRecorder<unknown>()
  lease.session.events.on('heartbeat', heard.record)
  workerOf(lease.session).send({ ...heartbeat, rssBytes: 300 * mib })
  await heard.waitForCount(1)
  expect(recycled.values).toHaveLength(1)
  await lease.release()
  expect(recycled.values.map(({ reason }) => reason)).toEqual(['memory', 'memory'])
})

it('keeps within the total, ending the largest idle sessions first, and starts no others beyond it', async () => {
  const { pool, created } = openPool({ minIdle: 3, maxSessions: 3, memoryBudget: { totalBytes: 300 * mib } })
  await warm(pool)
  const recycled = eventsOf(pool, 'recycled')
  const sizes = [90, 160, 80]
  for (const [index, { worker }] of created.values.entries()) {
    worker.process.send({ ...heartbeat, rssBytes: (sizes[index] ?? 0) * mib })
  }
  await recycled.waitForCount(1)
  await pool.acquire()
  expect(recycled.values).toEqual([{ sessionId: created.values[1]?.session.sessionId, reason: 'memory' }])
  expect(pool.info().memory).toMatchObject({ evicted: 1 })
})

it('says that a memory budget needs heartbeats', async () => {
  const { pool } = openPool({
    isDateFake: true,
    memoryBudget: { totalBytes: mib },
    session: { settings: { heartbeatMs: 0 } },
    breaker: { failures: 1 },
  })
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'BREAKER_OPEN', cause: { code: 'MEMORY_UNKNOWN' } })
})

it('loads modules first, then runs the code, and counts how the modules fared', async () => {
  const { pool, created } = openPool({
    minIdle: 1,
    warmup: { imports: ['one', { module: 'broken-two' }], code: 'const ready = true' },
  })
  const failed = eventsOf(pool, 'warmup-failed')
  await warm(pool)
  const ran = created.values[0]?.worker.process.received.flatMap((each) => (each.type === 'execute' ? [each.code] : []))
  expect(ran).toEqual([
    'await import("one"); undefined',
    'await import("broken-two"); undefined',
    'const ready = true',
    'await 1; 1 + 1',
  ])
  expect(failed.values).toEqual([{ module: 'broken-two', reason: 'scripted' }])
  expect(pool.info().warmup.modules).toMatchObject([
    { module: 'one', loads: 1, failures: 0, lastMs: 1, meanMs: 1, maxMs: 1 },
    { module: 'broken-two', loads: 1, failures: 1, lastError: 'scripted' },
  ])
})

it('does not start a session without a module that is required', async () => {
  const { pool } = openPool({
    isDateFake: true,
    minIdle: 1,
    breaker: { failures: 2 },
    warmup: { imports: [{ module: 'broken', isRequired: true }] },
  })
  await expect(waitFor(pool.warmUp())).rejects.toMatchObject({ code: 'BREAKER_OPEN', cause: { code: 'WARMUP_FAILED' } })
  expect(pool.info().warmup.modules).toMatchObject([{ module: 'broken', loads: 2, failures: 2 }])
})

it('asks idle sessions at intervals whether they answer, and recycles those that do not', async () => {
  const { pool, clock, created } = openPool({ minIdle: 1, health: { intervalMs: 1000, timeoutMs: 100 } })
  await warm(pool)
  clock.advance(1000)
  await waitFor(created.values[0]?.worker.process.next('inspect') ?? Promise.reject(new Error('none')))
  expect(pool.info().health).toMatchObject({ checks: 1, byTrigger: { interval: 1 } })
  expect(pool.info().sessions.idle).toBe(1)
})

it('recycles an idle session whose own check fails', async () => {
  let isFine = true
  const { pool, clock } = openPool({ minIdle: 1, health: { intervalMs: 1000, check: () => isFine } })
  await warm(pool)
  const recycled = eventsOf(pool, 'recycled')
  isFine = false
  clock.advance(1000)
  await recycled.waitForCount(1)
  isFine = true
  expect(recycled.values).toMatchObject([{ reason: 'unhealthy' }])
  expect(pool.info().health).toMatchObject({ checks: 1, failed: 1 })
  await warm(pool)
})

it('looks at an idle session whose thread is silent, and at the others when one has died', async () => {
  const { pool, created } = openPool({ minIdle: 2, maxSessions: 2, health: { maxEventLoopDelayMs: 500 } })
  await warm(pool)
  const [first, second] = created.values
  first?.worker.process.send({ ...heartbeat, rssBytes: mib, eventLoopDelayMs: 501 })
  await waitFor(first?.worker.process.next('inspect') ?? Promise.reject(new Error('none')))
  first?.worker.process.exit({ code: 1 })
  await waitFor(second?.worker.process.next('inspect') ?? Promise.reject(new Error('none')))
  expect(pool.info().health.byTrigger).toEqual({ interval: 0, crash: 1, delay: 1 })
})

it('lets leases end when it is shut down, for as long as it is told to', async () => {
  const { pool, clock } = openPool({ minIdle: 1, maxSessions: 2 })
  const [kept, given] = await waitFor(Promise.all([pool.acquire(), pool.acquire()]))
  const execution = kept.session.execute('hang')
  const closing = pool.shutdown({ graceMs: 500 })
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_CLOSED' })
  expect((await given.session.run('last words')).outcome.status).toBe('ok')
  await given.release()
  expect(pool.info()).toMatchObject({ state: 'closing', leases: { active: 1 } })
  clock.advance(500)
  await waitFor(closing)
  expect(await waitFor(execution.outcome)).toMatchObject({ status: 'cancelled' })
  expect(() => kept.session.info()).toThrow(/shut down/)
  expect(pool.info()).toMatchObject({ state: 'closed', sessions: { total: 0 } })
})

it('refuses a grace that is no duration, and goes on', async () => {
  const { pool } = openPool()
  for (const graceMs of [-1, NaN, '1' as never]) {
    await expect(pool.shutdown({ graceMs })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  }
  expect(pool.info().state).toBe('open')
})

it('ends a session that becomes ready while the pool is shut down', async () => {
  const { pool, hold, created } = openPool()
  const go = hold()
  const waiting = pool.acquire().catch((error: unknown) => error)
  const closing = pool.shutdown({ graceMs: 0 })
  go()
  await waitFor(closing)
  expect(await waiting).toMatchObject({ code: 'POOL_CLOSED' })
  expect(created.values.every(({ session }) => session.info().state === 'closed')).toBe(true)
  expect(pool.info()).toMatchObject({ sessions: { total: 0 }, starts: { attempts: 1 } })
})
