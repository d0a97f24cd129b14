import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchEntry, Measurement } from '../bench.ts'

const execute = promisify(execFile)
const child = join(import.meta.dirname, '../children/durable-executions.mjs')

interface Report {
  readonly growthMb: number
  readonly toldMs: number
  readonly pending: number
}

/** What durability costs in the host, apart from the cell: from the end of the sending to the caller, and memory. */
export const durable: BenchEntry = {
  name: 'durable',
  async run({ isQuick }) {
    const count = isQuick ? 10_000 : 100_000
    const measurements: Measurement[] = []
    for (const store of ['embedded', 'memory']) {
      const { stdout } = await execute(process.execPath, ['--conditions=@capsule/source', child, store, `${count}`], {
        env: {},
      })
      const { growthMb, toldMs, pending } = JSON.parse(stdout) as Report
      if (pending !== 0) throw new Error(`${pending} promises are pending at the end`)
      measurements.push(
        {
          id: `durable/${store}/told`,
          title: `durable execution, ${store} store: from the end of the cell to the caller, median`,
          value: toldMs,
          unit: 'ms',
          samples: count / 10,
        },
        {
          id: `durable/${store}/growth`,
          title: `durable executions, ${store} store: growth of the host (RSS) over ${count}, after a fifth as many`,
          value: growthMb,
          unit: 'MB',
          samples: 1,
        },
      )
    }
    return measurements
  },
}
