import { createCapsule, type Capsule, type CapsuleOptions, type Pool, type PoolEvents } from '@capsule/host'
import { defineProvider } from '@capsule/provider-sdk'
import { createRecorder, type Recorder, waitFor } from '@capsule/testing'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod'
import { workerMarker } from './worker-marker.ts'

async function openCapsule(options: CapsuleOptions = {}): Promise<Capsule> {
  const capsule = await createCapsule({ isolation: 'process', session: { env: workerMarker() }, ...options })
  onTestFinished(() => capsule.shutdown({ graceMs: 0 }))
  return capsule
}

function eventsOf<Name extends keyof PoolEvents>(pool: Pool, name: Name): Recorder<PoolEvents[Name][0]> {
  const recorder = createRecorder<PoolEvents[Name][0]>()
  pool.events.on(name, ((facts: PoolEvents[Name][0]) => recorder.record(facts)) as never)
  return recorder
}

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

// what one lease leaves for the next to find; each says what it sees
const traces: readonly [string, string][] = [
  ['const secret = 1', 'typeof secret'],
  ['globalThis.secret = 1', 'typeof globalThis.secret'],
  ['Object.defineProperty(globalThis, "hidden", { value: 1 })', 'typeof hidden'],
  ['Array.prototype.secret = 1', 'typeof [].secret'],
  ['Object.prototype.secret = 1', 'typeof ({}).secret'],
  ['Math.max = () => 666', 'Math.max(1, 2) === 2 ? "undefined" : "changed"'],
  ['process.env.SECRET = "1"', 'typeof process.env.SECRET'],
  ['process.secret = 1', 'typeof process.secret'],
  ['41', 'typeof _'],
  ['setInterval(() => { globalThis.late = 1 }, 1); 0', 'await new Promise((go) => setTimeout(go, 20)); typeof late'],
  [
    '(async () => { for (;;) { await null; globalThis.loop = 1; await new Promise((go) => setTimeout(go, 1)) } })(); 0',
    'await new Promise((go) => setTimeout(go, 20)); typeof loop',
  ],
]

describe.each(['recycle', 'namespace'] as const)('a pool that resets by %s', (reset) => {
  const shared = createCapsule({ isolation: 'process', session: { env: workerMarker() } })
  const sharedPool = shared.then((capsule) => capsule.createPool({ minIdle: 1, maxSessions: 1, reset }))
  afterAll(async () => (await shared).shutdown({ graceMs: 0 }))

  it.each(traces)('shows nothing of `%s` to the next lease', async (leaves, looks) => {
    const pool = await sharedPool
    expect((await pool.use((session) => session.run(leaves))).outcome.status).toBe('ok')
    const { outcome } = await pool.use((session) => session.run(looks))
    expect(outcome).toMatchObject({ status: 'ok', value: 'undefined' })
  })

  it('repairs and reports workers that are killed, idle and busy', async () => {
    const capsule = await openCapsule()
    const pool = capsule.createPool({ minIdle: 1, maxSessions: 2, reset })
    await waitFor(pool.warmUp())
    const crashed = eventsOf(pool, 'crashed')
    const repaired = eventsOf(pool, 'repaired')
    const idlePid = capsule.sessions[0]?.info().worker?.pid ?? 0
    process.kill(idlePid, 'SIGKILL')
    await repaired.waitForCount(1)
    const lease = await waitFor(pool.acquire())
    const busyPid = lease.session.info().worker?.pid ?? 0
    const execution = lease.session.execute('for (;;) {}')
    process.kill(busyPid, 'SIGKILL')
    expect(await waitFor(execution.outcome)).toMatchObject({ status: 'crashed', state: 'lost' })
    await repaired.waitForCount(2)
    expect((await lease.session.run('1 + 1')).outcome.value).toBe(2)
    await lease.release()
    expect(crashed.values.map(({ phase, exit }) => [phase, exit.signal])).toEqual([
      ['idle', 'SIGKILL'],
      ['leased', 'SIGKILL'],
    ])
    expect(repaired.values.map(({ phase }) => phase)).toEqual(['idle', 'leased'])
    await pool.shutdown({ graceMs: 0 })
    expect([idlePid, busyPid].map(isGone)).toEqual([true, true])
    expect(capsule.sessions).toEqual([])
  })

  it('renews a session that a hard cancel has tainted when it is given back', async () => {
    const capsule = await openCapsule()
    const pool = capsule.createPool({ minIdle: 1, maxSessions: 1, reset })
    const recycled = eventsOf(pool, 'recycled')
    await pool.use(async (session) => {
      const execution = session.execute('console.log("on"); for (;;) {}')
      for await (const event of execution) if (event.type === 'output') void execution.cancel()
      expect(await execution.outcome).toMatchObject({ status: 'cancelled', tainted: true, state: 'kept' })
      expect((await session.run('"still here"')).outcome.value).toBe('still here')
      expect(recycled.values).toEqual([])
    })
    expect(recycled.values).toMatchObject([{ reason: 'tainted' }])
    expect((await pool.use((session) => session.run('1'))).outcome.status).toBe('ok')
  })

  it('warms up with modules and code, again for each lease', async () => {
    const capsule = await openCapsule()
    const pool = capsule.createPool({
      minIdle: 1,
      maxSessions: 1,
      reset,
      session: { modules: true },
      warmup: { imports: ['node:zlib', 'no-such-module'], code: 'const tool = { calls: 0 }' },
    })
    for (let lease = 0; lease < 2; lease++) {
      const { outcome } = await pool.use((session) => session.run('++tool.calls'))
      expect(outcome.value).toBe(1)
    }
    const [zlib, missing] = pool.info().warmup.modules
    expect(zlib).toMatchObject({ module: 'node:zlib', failures: 0 })
    expect(missing?.failures).toBe(missing?.loads)
    expect(missing?.lastError).toContain('no-such-module')
  })
})

it('is empty of processes after its end', async () => {
  const capsule = await openCapsule({ pool: { minIdle: 2 } })
  await waitFor(capsule.pool.warmUp())
  const pids = capsule.sessions.map((session) => session.info().worker?.pid ?? 0)
  expect(pids).toHaveLength(2)
  await capsule.shutdown()
  expect(pids.map(isGone)).toEqual([true, true])
  expect(capsule.info().pool).toMatchObject({ state: 'closed', sessions: { total: 0 } })
})

it('gives a warm session to createSession(), which is the caller’s from then on', async () => {
  const capsule = await openCapsule({ pool: { minIdle: 1, maxSessions: 1 } })
  await waitFor(capsule.pool.warmUp())
  const [warm] = capsule.sessions
  const session = await capsule.createSession()
  expect(session).toBe(warm)
  await waitFor(capsule.pool.warmUp())
  const other = await capsule.createSession({ timeoutMs: 1000 })
  expect(capsule.pool.info().leases.detached).toBe(1)
  await capsule.pool.shutdown()
  expect((await session.run('1')).outcome.status).toBe('ok')
  expect((await other.run('1')).outcome.status).toBe('ok')
})

it('says that a capsule has no pool of its own', async () => {
  const capsule = await openCapsule()
  expect(() => capsule.pool).toThrow(expect.objectContaining({ code: 'POOL_NOT_CONFIGURED' }))
  expect(() => capsule.createPool({ typo: 1 } as object)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  await expect(createCapsule({ pool: { minIdle: -1 } })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})

it('keeps the providers of its sessions until it ends, and recycles a session whose grants were used', async () => {
  let disposed = 0
  const provider = defineProvider({
    name: 'counter',
    specificationVersion: 'v1',
    capabilities: {
      next: { summary: 'Counts.', input: z.strictObject({}), output: z.number(), handler: () => 1 },
    },
    dispose: () => void disposed++,
  })
  const capsule = await openCapsule()
  const pool = capsule.createPool({
    minIdle: 1,
    maxSessions: 1,
    reset: 'namespace',
    session: { capabilities: [provider] },
  })
  const recycled = eventsOf(pool, 'recycled')
  await pool.use(async (session) => {
    expect((await session.run('await caps.counter.next()')).outcome.value).toBe(1)
  })
  expect(recycled.values).toMatchObject([{ reason: 'not-reusable' }])
  const lease = await waitFor(pool.acquire())
  capsule.capabilitiesOf(lease.session).revoke('counter.next')
  expect((await lease.session.run('typeof caps.counter')).outcome.value).toBe('undefined')
  await lease.release()
  expect(() => capsule.capabilitiesOf(lease.session)).toThrow(expect.objectContaining({ code: 'LEASE_ENDED' }))
  expect((await pool.use((session) => session.run('await caps.counter.next()'))).outcome.value).toBe(1)
  expect(disposed).toBe(0)
  await pool.shutdown()
  expect(disposed).toBe(1)
})
