import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createCapsule, type Lease, type Pool, type Session } from '@capsule/host'
import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { workerMarker } from './worker-marker.ts'

/** `npm test` runs a short one; `CAPSULE_SOAK_LEASES=10000` is the whole. */
const asked = process.env['CAPSULE_SOAK_LEASES']
const callers = 16
// unit: MB
const growthLimit = 64

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { execution: 'async' }) => Promise<void>

const residentMb = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024

/** Numbers that are the same in each run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

type Job = (session: Session, n: number) => Promise<void>

const honest: Job = async (session, n) => {
  const { outcome } = await session.run(`globalThis.mark ??= ${n}; const mine = ${n}; [mark, mine]`)
  // what another lease left would be another number
  expect(outcome).toMatchObject({ status: 'ok', value: [n, n] })
}
const jobs: readonly { readonly share: number; readonly job: Job }[] = [
  { share: 0.9, job: honest },
  {
    share: 0.02,
    job: async (session) => {
      const { outcome } = await session.run('process.exit(3)')
      expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { code: 3 } })
    },
  },
  {
    share: 0.02,
    job: async (session) => {
      const execution = session.execute('for (;;) {}')
      process.kill(session.info().worker?.pid ?? 0, 'SIGKILL')
      expect((await execution.outcome).status).toBe('crashed')
    },
  },
  {
    share: 0.02,
    job: async (session) => {
      const execution = session.execute('console.log("on"); for (;;) {}')
      for await (const event of execution) if (event.type === 'output') void execution.cancel()
      expect(await execution.outcome).toMatchObject({ status: 'cancelled' })
    },
  },
  {
    share: 0.02,
    job: async (session) => {
      const execution = session.execute('console.log("on"); await new Promise(() => {})')
      for await (const event of execution) if (event.type === 'output') void execution.cancel()
      expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    },
  },
  // goes on when its lease has ended
  { share: 0.01, job: async (session) => void (await session.run('setInterval(() => { globalThis.mark = -1 }, 1)')) },
]
function jobOf(random: number): Job | 'drop' {
  let left = random
  for (const { share, job } of jobs) {
    left -= share
    if (left < 0) return job
  }
  return 'drop'
}

it.runIf(process.platform === 'linux').each([
  // a new process for each lease takes its time
  { reset: 'namespace', short: 400 },
  { reset: 'recycle', short: 100 },
] as const)(
  'many leases with crashes, cancels and leaks lose nothing and leave nothing: $reset',
  { timeout: 1_800_000 },
  async ({ reset, short }) => {
    const leases = Number(asked ?? short)
    const capsule = await createCapsule({ isolation: 'process', session: { env: workerMarker() } })
    const pool = capsule.createPool({ minIdle: 4, maxSessions: 8, reset })
    const pids = new Set<number>()
    const note = (session: Session): void => {
      const { worker } = session.info()
      if (worker !== undefined) pids.add(worker.pid)
    }
    const leaked = createRecorder<string>()
    pool.events.on('leaked', ({ leaseId }) => leaked.record(leaseId))
    const random = createRandom(42)
    const done = { served: 0, dropped: 0 }
    let next = 0
    const work = async (n: number): Promise<void> => {
      const job = jobOf(random())
      const lease = await pool.acquire({ timeoutMs: 120_000 })
      done.served++
      note(lease.session)
      if (job === 'drop') return drop(lease, n)
      await job(lease.session, n)
      note(lease.session)
      await lease.release()
    }
    const drop = async (lease: Lease, n: number): Promise<void> => {
      await honest(lease.session, n)
      done.dropped++
    }
    const caller = async (until: number): Promise<void> => {
      while (next < until) await work(next++)
    }
    // a dropped lease is only missed when memory is collected
    const round = async (until: number): Promise<void> => {
      while (next < until) {
        const end = Math.min(until, next + 150)
        await Promise.all(Array.from({ length: callers }, () => caller(end)))
        await collect({ execution: 'async' })
        await leaked.waitForCount(done.dropped, { deadlineMs: 60_000 })
      }
    }
    await round(leases / 5)
    const before = residentMb()
    await round(leases)
    const growth = residentMb() - before
    if (asked !== undefined) console.log(reset, { growth }, summaryOf(pool))
    const info = pool.info()
    expect(done.served).toBe(leases)
    expect(info.leases).toMatchObject({ acquired: leases, active: 0, leaked: done.dropped })
    expect(info.acquisitions.waits).toMatchObject({ timedOut: 0, refused: 0, cancelled: 0, waiting: 0 })
    expect(growth).toBeLessThan(growthLimit)
    await waitFor(pool.shutdown(), { deadlineMs: 30_000 })
    await capsule.shutdown()
    const alive = [...pids].filter((pid) => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    })
    expect(alive).toEqual([])
  },
)

function summaryOf(pool: Pool): unknown {
  const { leases: told, starts, resets, recycles, crashes, acquisitions } = pool.info()
  return { leases: told, starts, resets, recycles: recycles.byReason, crashes, latency: acquisitions.latency }
}
