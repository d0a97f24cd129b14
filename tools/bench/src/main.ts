import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BenchEntry, Measurement } from './bench.ts'
import { capabilities } from './entries/capabilities.ts'
import { cancel } from './entries/cancel.ts'
import { checkpoints } from './entries/checkpoints.ts'
import { durable } from './entries/durable.ts'
import { flood } from './entries/flood.ts'
import { frames } from './entries/frames.ts'
import { hotLoop } from './entries/hot-loop.ts'
import { isolation } from './entries/isolation.ts'
import { latency } from './entries/latency.ts'
import { memory } from './entries/memory.ts'
import { output } from './entries/output.ts'
import { pool } from './entries/pool.ts'
import { results } from './entries/results.ts'
import { soak } from './entries/soak.ts'
import { streams } from './entries/streams.ts'
import { start } from './entries/start.ts'
import { installPeers } from './peers.ts'
import { formatValue, insertBetweenMarkers, renderMarkdown, type RunInfo } from './report.ts'
import { judge } from './targets.ts'

const entries: readonly BenchEntry[] = [
  latency,
  output,
  results,
  start,
  memory,
  cancel,
  flood,
  hotLoop,
  frames,
  streams,
  checkpoints,
  capabilities,
  isolation,
  pool,
  durable,
  soak,
]
const root = join(import.meta.dirname, '../../..')
const resultsFile = join(root, 'tools/bench/results/latest.json')
const pageFile = join(root, 'docs/performance.md')

const log = (line: string): void => console.error(line)

/** Runs the entries one after the other: nothing else may load the machine meanwhile. An entry that fails is said and left out. */
async function runEntries(
  chosen: readonly BenchEntry[],
  isQuick: boolean,
): Promise<{ measurements: Measurement[]; failures: number }> {
  const measurements: Measurement[] = []
  let failures = 0
  for (const entry of chosen) {
    log(`== ${entry.name}`)
    try {
      const taken = await entry.run({ isQuick, log })
      for (const { title, value, unit, note } of taken) log(`  ${title}: ${formatValue(value, unit)} ${note ?? ''}`)
      measurements.push(...taken)
    } catch (error) {
      failures++
      log(`FAILED ${entry.name}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  return { measurements, failures }
}

function choose(names: readonly string[] | undefined): readonly BenchEntry[] {
  const unknown = names?.filter((name) => !entries.some((entry) => entry.name === name)) ?? []
  if (unknown.length > 0)
    throw new Error(`no entry ${unknown.join(', ')}; there are ${entries.map(({ name }) => name).join(', ')}`)
  return names === undefined ? entries : entries.filter(({ name }) => names.includes(name))
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((argument) => argument !== '--'),
    options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
  })
  const chosen = choose(values.only)
  installPeers(log)
  const info: RunInfo = {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    load: loadavg()[0] ?? Number.NaN,
    isQuick: values.quick,
  }
  const { measurements, failures } = await runEntries(chosen, values.quick)
  const verdicts = judge(measurements)
  const text = renderMarkdown(info, measurements, verdicts)
  console.log(text)
  // Only a whole run replaces what is published.
  if (chosen.length === entries.length && !values.quick && failures === 0) {
    mkdirSync(join(resultsFile, '..'), { recursive: true })
    writeFileSync(resultsFile, `${JSON.stringify({ ...info, measurements, verdicts }, null, 2)}\n`)
    writeFileSync(pageFile, insertBetweenMarkers(readFileSync(pageFile, 'utf8'), text))
  }
  return failures === 0 ? 0 : 1
}

process.exitCode = await main()
