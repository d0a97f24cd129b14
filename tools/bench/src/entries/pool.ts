import { createCapsule, type Pool } from '@capsule/host'
import type { BenchEntry, Measurement } from '../bench.ts'
import { executorNames } from '../contenders/capsule.ts'
import { alternate, ratioOf, timeMs } from '../rounds.ts'
import { median } from '../statistics.ts'

interface Way {
  readonly name: string
  /** The time of one first answer, in ms. */
  readonly once: () => Promise<number>
}

const policies = ['recycle', 'namespace'] as const

/** From the call of `acquire` to the value of the first cell. */
async function firstAnswerMs(pool: Pool): Promise<number> {
  await pool.warmUp()
  const startedMs = performance.now()
  const lease = await pool.acquire()
  const { outcome } = await lease.session.run('1+1')
  const elapsedMs = performance.now() - startedMs
  if (outcome.value !== 2) throw new Error(`unexpected outcome: ${JSON.stringify(outcome)}`)
  await lease.release()
  return elapsedMs
}

/** A warm session from a pool beside a new one: how long a caller waits for the first answer; and how many leases go through. */
export const pool: BenchEntry = {
  name: 'pool',
  async run({ isQuick }) {
    const rounds = isQuick ? 3 : 9
    const measurements: Measurement[] = []
    for (const executor of executorNames) {
      await using capsule = await createCapsule({ isolation: 'process', executor })
      const pools = policies.map((reset) => ({
        reset,
        pool: capsule.createPool({ minIdle: 2, maxSessions: 4, reset }),
      }))
      const cold: Way = {
        name: 'cold',
        once: () =>
          timeMs(async () => {
            await using session = await capsule.createSession()
            await session.run('1+1')
          }),
      }
      const ways = [
        cold,
        ...pools.map(({ reset, pool: each }): Way => ({ name: reset, once: () => firstAnswerMs(each) })),
      ]
      const medians = await alternate(ways, rounds, async ({ name, once }) => {
        const samples: number[] = []
        for (let i = 0; i < (name === cold.name ? 3 : 15); i++) samples.push(await once())
        return samples
      })
      for (const { reset, pool: each } of pools) {
        const label = `capsule ${executor}, ${reset}`
        measurements.push(
          {
            id: `pool/${label}/warm`,
            title: `warm acquire and first execute: ${label}`,
            value: median(medians.get(reset)!),
            unit: 'ms',
            samples: rounds * 15,
          },
          {
            id: `pool/${label}/ratio`,
            title: `warm acquire and first execute: ${label}, times a new session`,
            value: ratioOf(medians, reset, cold.name),
            unit: 'x',
            samples: rounds * 15,
          },
          // a new process for each takes its time
          await throughput(each, label, (reset === 'recycle' ? 20 : 100) * (isQuick ? 1 : 2)),
        )
      }
    }
    return measurements
  },
}

async function throughput(each: Pool, label: string, leases: number): Promise<Measurement> {
  const elapsedMs = await timeMs(async () => {
    await Promise.all(
      Array.from({ length: leases }, () => each.use((session) => session.run('1+1'), { timeoutMs: Infinity })),
    )
  })
  return {
    id: `pool/${label}/rate`,
    title: `leases of one cell each over 4 sessions: ${label}`,
    value: (leases / elapsedMs) * 1000,
    unit: '/s',
    samples: leases,
  }
}
