import type { BenchEntry, Measurement } from '../bench.ts'
import { type StartContender, startAll } from '../contender.ts'
import { startCapsule } from '../contenders/capsule.ts'
import { startEcho } from '../contenders/echo.ts'
import { startIsolatedVm, startQuickJs } from '../contenders/in-process.ts'
import { startNodeReplMcp } from '../contenders/node-repl-mcp.ts'
import { startNodeRepl } from '../contenders/node-repl.ts'
import { startTinypool } from '../contenders/tinypool.ts'
import { alternate, ratioOf } from '../rounds.ts'
import { median } from '../statistics.ts'

let cell = 0
const starts: Record<string, StartContender> = {
  echo: startEcho,
  threaded: () => startCapsule('capsule threaded', 'threaded'),
  async: () => startCapsule('capsule async', 'async'),
  'threaded, await': () => startCapsule('capsule threaded, top-level await', 'threaded', (code) => `await (${code})`),
  'async, await': () => startCapsule('capsule async, top-level await', 'async', (code) => `await (${code})`),
  'threaded, TypeScript': () =>
    startCapsule('capsule threaded, TypeScript', 'threaded', (code) => `const n: number = ${code}; n`),
  'threaded, new TypeScript': () =>
    startCapsule(
      'capsule threaded, new TypeScript each time',
      'threaded',
      (code) => `const n: number = ${code}; n // ${cell++}`,
    ),
  'threaded, new': () =>
    startCapsule('capsule threaded, new code each time', 'threaded', (code) => `${code} + ${cell++}`),
  tinypool: startTinypool,
  'node:repl': startNodeRepl,
  'node-repl-mcp': startNodeReplMcp,
  'isolated-vm': startIsolatedVm,
  quickjs: startQuickJs,
}

/** How long one `1+1` takes, one after the other, beside the bare echo. */
export const latency: BenchEntry = {
  name: 'latency',
  async run({ isQuick, log }) {
    const evaluations = isQuick ? 100 : 1000
    const rounds = isQuick ? 3 : 11
    await using contenders = await startAll(starts, log)
    const evaluate = async ({ evaluate: run }: (typeof contenders)[number]): Promise<number[]> => {
      const microseconds: number[] = []
      for (let i = 0; i < evaluations; i++) {
        const startedMs = performance.now()
        await run('1+1')
        microseconds.push((performance.now() - startedMs) * 1000)
      }
      return microseconds
    }
    for (const contender of contenders) await evaluate(contender)
    const medians = await alternate(contenders, rounds, evaluate)
    return contenders.flatMap(({ name }): Measurement[] => {
      const value = median(medians.get(name)!)
      const samples = rounds * evaluations
      return [
        { id: `latency/${name}/median`, title: `\`1+1\`: ${name}`, value, unit: 'µs', samples },
        {
          id: `latency/${name}/ratio`,
          title: `\`1+1\`: ${name}, times the echo`,
          value: ratioOf(medians, name, 'echo'),
          unit: 'x',
          samples,
        },
        {
          id: `latency/${name}/rate`,
          title: `\`1+1\`: ${name}, one after the other`,
          value: 1e6 / value,
          unit: 'per s',
          samples,
        },
      ]
    })
  },
}
