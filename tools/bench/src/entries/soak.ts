import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BenchEntry, Measurement } from '../bench.ts'
import { memoryMb } from '../child.ts'
import { executorNames, openSession, type Session } from '../contenders/capsule.ts'

/** Ten kinds of cells, all different from each other and re-declaring the same names. */
const cellOf = (i: number): string =>
  [
    `const value = ${i}; value + 1`,
    `let list = Array.from({ length: 100 }, (_, n) => n + ${i}); list.length`,
    `function twice(n) { return n * 2 + ${i} } twice(2)`,
    `const wait${i % 5} = await Promise.resolve(${i}); wait${i % 5}`,
    `console.log("line ${i}"); undefined`,
    `interface Point { x: number } const point: Point = { x: ${i} }; point`,
    `class Counter { n = ${i}; next() { return ++this.n } } new Counter().next()`,
    `for (const [key, n] of Object.entries({ a: ${i} })) { var last = key + n } last`,
    `throw new Error("failure ${i}")`,
    `import { join } from "node:path"; join("a", "${i}")`,
  ][i % 10]!

async function runCells(session: Session, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const { outcome } = await session.run(cellOf(i))
    if (outcome.status !== (i % 10 === 8 ? 'error' : 'ok') || outcome.state !== 'kept')
      throw new Error(`cell ${i}: ${outcome.status}, ${outcome.error?.message}`)
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}

/** Whether ten thousand cells, with a checkpoint after each hundred, leave something behind, in the worker or in the host. */
export const soak: BenchEntry = {
  name: 'soak',
  async run({ isQuick }) {
    const cells = isQuick ? 1000 : 10_000
    // The caches are bounded: the first cells fill them.
    const warmCells = cells / 10
    const measurements: Measurement[] = []
    for (const executor of executorNames) {
      await using open = await openSession(executor, { checkpoints: { every: 100 } })
      const pid = open.session.info().worker!.pid
      const resident = (): { worker: number; host: number } => {
        collectGarbage()
        return { worker: memoryMb(pid).residentMb, host: memoryMb(process.pid).residentMb }
      }
      await runCells(open.session, 0, warmCells)
      const before = resident()
      const startedMs = performance.now()
      await runCells(open.session, warmCells, warmCells + cells)
      const seconds = (performance.now() - startedMs) / 1000
      const after = resident()
      for (const side of ['worker', 'host'] as const)
        measurements.push({
          id: `soak/capsule ${executor}/${side}`,
          title: `growth (RSS) over ${cells} cells with checkpoints: ${side}, ${executor}`,
          value: after[side] - before[side],
          unit: 'MB',
          samples: cells,
        })
      measurements.push({
        id: `soak/capsule ${executor}/rate`,
        title: `mixed new cells, one after the other: ${executor}`,
        value: cells / seconds,
        unit: 'per s',
        samples: cells,
      })
    }
    return measurements
  },
}
