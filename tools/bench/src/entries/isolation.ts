import { type Capsule, createCapsule, type IsolationLevel } from '@capsule/host'
import type { BenchEntry, Measurement } from '../bench.ts'
import { executorNames, valueOf } from '../contenders/capsule.ts'
import { alternate } from '../rounds.ts'
import { median } from '../statistics.ts'

interface Starter {
  readonly name: IsolationLevel
  readonly capsule: Capsule
}

const levels: readonly IsolationLevel[] = ['process', 'permission', 'os']

/** What a level adds to a start up to the first answer. A level that this machine has not is left out, and said. */
export const isolation: BenchEntry = {
  name: 'isolation',
  async run({ isQuick, log }) {
    const rounds = isQuick ? 3 : 25
    const measurements: Measurement[] = []
    for (const executor of executorNames) {
      await using stack = new AsyncDisposableStack()
      const starters: Starter[] = []
      for (const level of levels) {
        try {
          starters.push({ name: level, capsule: stack.use(await createCapsule({ isolation: level, executor })) })
        } catch (error) {
          log(`no isolation level ${level} here: ${String(error)}`)
        }
      }
      const start = async ({ capsule }: Starter): Promise<readonly number[]> => {
        const startedMs = performance.now()
        await using session = await capsule.createSession()
        await valueOf(session, '1+1')
        return [performance.now() - startedMs]
      }
      for (const starter of starters) await start(starter)
      const medians = await alternate(starters, rounds, start)
      const base = medians.get('process') ?? []
      for (const { name } of starters) {
        const times = medians.get(name) ?? []
        const id = `isolation/capsule ${executor}/${name}`
        const title = `start to first answer: capsule ${executor}, level ${name}`
        measurements.push({ id: `${id}/start`, title, value: median(times), unit: 'ms', samples: rounds })
        if (name === 'process') continue
        const added = median(times.map((value, round) => value - base[round]!))
        measurements.push({
          id: `${id}/added`,
          title: `${title}, more than process`,
          value: added,
          unit: 'ms',
          samples: rounds,
        })
      }
    }
    return measurements
  },
}
