import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchEntry, Measurement } from '../bench.ts'
import { memoryMb, startChild } from '../child.ts'
import { executorNames, openSession, valueOf } from '../contenders/capsule.ts'
import { median } from '../statistics.ts'

/** How long a process is left alone before it is looked at. */
const idleMs = 1500

function report(name: string, samples: readonly { uniqueMb: number; residentMb: number }[]): Measurement[] {
  const pick = (key: 'uniqueMb' | 'residentMb'): number => median(samples.map((sample) => sample[key]))
  return [
    {
      id: `memory/${name}/uss`,
      title: `idle memory of its own (USS): ${name}`,
      value: pick('uniqueMb'),
      unit: 'MB',
      samples: samples.length,
    },
    {
      id: `memory/${name}/rss`,
      title: `idle memory (RSS): ${name}`,
      value: pick('residentMb'),
      unit: 'MB',
      samples: samples.length,
    },
  ]
}

/** What an idle worker holds after its first cell. */
export const memory: BenchEntry = {
  name: 'memory',
  async run({ isQuick }) {
    const count = isQuick ? 1 : 5
    await using stack = new AsyncDisposableStack()
    const groups: [string, number[]][] = [['empty node process', []]]
    for (let i = 0; i < count; i++) {
      const child = stack.use(startChild('empty.mjs'))
      await once(child.output, 'data')
      groups[0]![1].push(child.pid)
    }
    for (const executor of executorNames) {
      const pids: number[] = []
      for (let i = 0; i < count; i++) {
        const { session } = stack.use(await openSession(executor))
        await valueOf(session, '1+1')
        pids.push(session.info().worker!.pid)
      }
      groups.push([`capsule ${executor}`, pids])
    }
    await delay(idleMs)
    return groups.flatMap(([name, pids]) => report(name, pids.map(memoryMb)))
  },
}
