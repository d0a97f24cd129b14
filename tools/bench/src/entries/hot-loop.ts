import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchEntry, Measurement } from '../bench.ts'
import { startChild } from '../child.ts'
import { executorNames, openSession, valueOf } from '../contenders/capsule.ts'
import { alternate, ratioOf } from '../rounds.ts'
import { median } from '../statistics.ts'

const step = 'sum = (sum + i * i) % 1000003'
/** Each leaves the milliseconds that it took in `elapsedMs`. */
const loops = {
  'inside a function': `function work() { let sum = 0; for (let i = 0; i < COUNT; i++) ${step}; return sum }
const beginMs = performance.now(); work(); const elapsedMs = performance.now() - beginMs`,
  'over top-level bindings': `let sum = 0
const beginMs = performance.now(); for (let i = 0; i < COUNT; i++) ${step}; const elapsedMs = performance.now() - beginMs`,
}

interface Loop {
  readonly name: string
  readonly run: (code: string) => Promise<number>
}

/** A module in a fresh process: what somebody would write without Capsule. */
async function runPlain(code: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-bench-'))
  const file = join(folder, 'loop.mjs')
  try {
    writeFileSync(file, `import { writeSync } from 'node:fs'\n${code}\nwriteSync(4, String(elapsedMs))\n`)
    await using child = startChild(file)
    const [text] = (await once(child.output, 'data')) as [Buffer]
    return Number(text)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same loop in a cell and in a plain script, each timed from inside. */
export const hotLoop: BenchEntry = {
  name: 'hot-loop',
  async run({ isQuick }) {
    const count = isQuick ? 5_000_000 : 50_000_000
    const rounds = isQuick ? 3 : 9
    const plain: Loop = { name: 'plain script', run: runPlain }
    await using stack = new AsyncDisposableStack()
    const cells: Loop[] = []
    for (const executor of executorNames) {
      const { session } = stack.use(await openSession(executor))
      cells.push({
        name: `capsule ${executor}`,
        run: async (code) => Number(await valueOf(session, `${code}; elapsedMs`)),
      })
    }
    const measurements: Measurement[] = []
    for (const [place, template] of Object.entries(loops)) {
      const code = template.replaceAll('COUNT', String(count))
      const medians = await alternate([plain, ...cells], rounds, async ({ run }) => [await run(code)])
      for (const { name } of [plain, ...cells]) {
        const title = `hot loop ${place}: ${name}`
        measurements.push(
          { id: `hot-loop/${name}/${place}`, title, value: median(medians.get(name)!), unit: 'ms', samples: rounds },
          {
            id: `hot-loop/${name}/${place}/ratio`,
            title: `${title}, times the plain script`,
            value: ratioOf(medians, name, plain.name),
            unit: 'x',
            samples: rounds,
          },
        )
      }
    }
    return measurements
  },
}
