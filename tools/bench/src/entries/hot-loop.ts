import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchEntry, Measurement } from '../bench.ts'
import { startChild } from '../child.ts'
import { executorNames, openSession, valueOf } from '../contenders/capsule.ts'
import { alternate, ratioOf } from '../rounds.ts'
import { median } from '../statistics.ts'

const loops = {
  'inside a function': `function work() { let sum = 0; for (let i = 0; i < COUNT; i++) sum = (sum + i * i) % 1000003; return sum }
const begin = performance.now(); work(); performance.now() - begin`,
  'over top-level bindings': `let sum = 0, step = 1
const from = performance.now(); for (let i = 0; i < COUNT; i += step) sum = (sum + i * i) % 1000003; performance.now() - from`,
}

interface Loop extends AsyncDisposable {
  readonly name: string
  /** The milliseconds that the loop itself took. */
  readonly run: (code: string) => Promise<number>
}

async function runPlain(code: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-bench-'))
  try {
    writeFileSync(join(folder, 'loop.js'), code)
    await using child = startChild('plain-loop.mjs', [join(folder, 'loop.js')])
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
    const plain: Loop = { name: 'plain script', run: runPlain, [Symbol.asyncDispose]: async () => undefined }
    await using stack = new AsyncDisposableStack()
    const cells: Loop[] = []
    for (const executor of executorNames) {
      const open = stack.use(await openSession(executor))
      cells.push({
        name: `capsule ${executor}`,
        run: async (code) => Number(await valueOf(open.session, code)),
        [Symbol.asyncDispose]: async () => undefined,
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
