import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Capsule, createCapsule } from '../src/index.ts'
import { fuzzCancel } from './fuzz/cancel-fuzz.ts'
import { endlessCells } from './fuzz/endless-cells.ts'

// the full run has 2,000 rounds and more: `CAPSULE_FUZZ_ROUNDS=2000 npx vitest run --project @capsule/host fuzz`
const rounds = Number(process.env['CAPSULE_FUZZ_ROUNDS'] ?? 150)
const seed = Number(process.env['CAPSULE_FUZZ_SEED'] ?? 1)

let capsule: Capsule
beforeAll(async () => {
  capsule = await createCapsule({ isolation: 'process' })
})
afterAll(() => capsule.shutdown())

it(
  `keeps every claim of ${rounds} outcomes, wherever in Node a cell is cancelled (seed ${seed})`,
  { timeout: 60_000 + rounds * 500 },
  async () => {
    const report = await fuzzCancel({ openSession: () => capsule.createSession(), cells: endlessCells, rounds, seed })
    const { latenciesMs, ...figures } = report
    const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)]?.toFixed(1)
    console.log({ ...figures, wrong: figures.wrong.length, p50Ms: at(0.5), p95Ms: at(0.95) })
    expect(report.wrong).toEqual([])
    expect(report.kept + report.lost).toBe(rounds)
  },
)
