import type { BenchEntry, Measurement } from '../bench.ts'
import { executorNames, openSession } from '../contenders/capsule.ts'
import { timeMs } from '../rounds.ts'
import { median } from '../statistics.ts'

const megabyte = 1024 * 1024

/** About 10 MB each: what the checkpoint holds, uncompressed. */
const payloads: readonly { name: string; title: string; code: string }[] = [
  {
    name: 'records',
    title: '10 MB of records (80,000 objects)',
    code: `var data = Array.from({ length: 80_000 }, (_, id) => ({ id, name: 'record number ' + id, score: id / 7, text: 'what a record says of itself, as texts go: this is number ' + id })); 0`,
  },
  {
    name: 'texts',
    title: '10 MB of texts (10,000)',
    code: `var data = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(1000, 'abc')); 0`,
  },
  {
    name: 'bytes',
    title: '10 MiB of bytes',
    code: `var data = new Uint8Array(${10 * megabyte}).map((_, i) => i * 7); 0`,
  },
]

// what the cell itself would need for a copy that it keeps
const cloneCode = 'const startedMs = performance.now(); structuredClone(data); performance.now() - startedMs'

/** From the call until the sealed checkpoint is there, and until it is restored; beside a structured clone in the worker. */
export const checkpoints: BenchEntry = {
  name: 'checkpoints',
  async run({ isQuick }) {
    const rounds = isQuick ? 3 : 15
    const measurements: Measurement[] = []
    for (const executor of executorNames) {
      for (const { name, title, code } of payloads) {
        await using open = await openSession(executor)
        const { session } = open
        const prepared = await session.run(code)
        if (prepared.outcome.status !== 'ok') throw new Error(prepared.outcome.error?.message)
        const times: Record<'take' | 'restore' | 'clone', number[]> = { take: [], restore: [], clone: [] }
        let checkpoint = await session.checkpoint()
        for (let round = 0; round < rounds; round++) {
          times.take.push(await timeMs(async () => (checkpoint = await session.checkpoint())))
          times.clone.push(Number((await session.run(cloneCode, { storeHistory: false })).outcome.value))
        }
        await session.restore(checkpoint)
        for (let round = 0; round < rounds; round++) times.restore.push(await timeMs(() => session.restore(checkpoint)))
        const titles = { take: 'checkpoint of', restore: 'restore of', clone: 'structuredClone in a cell of' }
        for (const what of ['take', 'restore', 'clone'] as const) {
          measurements.push({
            id: `checkpoints/capsule ${executor}/${name}/${what}`,
            title: `${titles[what]} ${title}: ${executor}`,
            value: median(times[what]),
            unit: 'ms',
            samples: rounds,
          })
        }
      }
    }
    return measurements
  },
}
