import type { BenchEntry, Measurement } from '../bench.ts'
import { type Contender, startAll, type StartContender } from '../contender.ts'
import { type ExecutorName, executorNames, openSession } from '../contenders/capsule.ts'
import { startIsolatedVm, startQuickJs } from '../contenders/in-process.ts'
import { startNodeReplMcp } from '../contenders/node-repl-mcp.ts'
import { startTinypool } from '../contenders/tinypool.ts'
import { alternate, timeMs } from '../rounds.ts'
import { median } from '../statistics.ts'

const megabyte = 1024 * 1024
/** About a megabyte of JSON: 10,000 small records. */
const objectCode = `Array.from({ length: 10_000 }, (_, id) => ({ id, name: 'record number ' + id, tags: ['a', 'b'], done: id % 2 === 0, score: id / 7 }))`
const payloads: readonly { name: string; title: string; code: string }[] = [
  { name: 'object', title: '1 MB object', code: objectCode },
  { name: 'string', title: '1 MB string', code: `'x'.repeat(${megabyte})` },
  { name: 'bytes', title: '16 MiB of bytes', code: `new Uint8Array(${16 * megabyte})` },
]

const peers: Record<string, StartContender> = {
  tinypool: startTinypool,
  'node-repl-mcp': startNodeReplMcp,
  'isolated-vm': startIsolatedVm,
  quickjs: startQuickJs,
}
/** What a peer cannot hand over is left out, and why is said. */
const canReturn = (name: string, payload: string): boolean =>
  name.startsWith('capsule') || (payload === 'string' ? true : name.startsWith('tinypool'))

async function startOurs(executor: ExecutorName): Promise<Contender> {
  const open = await openSession(executor)
  return {
    name: `capsule ${executor}`,
    // No value when it is over a limit: then the outcome has its text only.
    evaluate: async (code) => (await open.session.execute(code).outcome).value,
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

/** Large completion values: from the start of the cell until the host has the value. */
export const results: BenchEntry = {
  name: 'results',
  async run({ isQuick, log }) {
    const ours = Object.fromEntries(executorNames.map((executor) => [executor, () => startOurs(executor)]))
    await using contenders = await startAll({ ...ours, ...peers }, log)
    const measurements: Measurement[] = []
    for (const { name, title, code } of payloads) {
      // One of 16 MiB takes a peer twelve seconds.
      const rounds = isQuick ? 3 : name === 'bytes' ? 5 : 25
      const able = contenders.filter((contender) => canReturn(contender.name, name))
      const notes = new Map<string, string>()
      for (const contender of able)
        if ((await contender.evaluate(code)) === undefined)
          notes.set(contender.name, 'over the limit: only its text came')
      const medians = await alternate(able, rounds, async ({ evaluate }) => [await timeMs(() => evaluate(code))])
      for (const contender of able) {
        const value = median(medians.get(contender.name)!)
        const note = notes.get(contender.name)
        const id = `results/${contender.name}/${name}`
        measurements.push({
          id,
          title: `${title}: ${contender.name}`,
          value,
          unit: 'ms',
          samples: rounds,
          ...(note === undefined ? {} : { note }),
        })
      }
    }
    return measurements
  },
}
