import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readChildCoverage } from './child-lines.ts'

/** Every published package reaches this share of its lines, the code that only runs in workers included. */
const goalPercent = 85
const root = join(import.meta.dirname, '..')
const folder = join(root, 'coverage')
const childFolder = join(folder, 'children')

/** The part of Istanbul's format that line coverage needs. */
interface FileCoverage {
  readonly statementMap: Record<string, { start: { line: number } }>
  readonly s: Record<string, number>
}

interface Row {
  name: string
  lines: number
  inTests: number
  withChildren: number
}

function runTests(): number {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(childFolder, { recursive: true })
  const bin = join(root, 'node_modules/.bin')
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, CAPSULE_CHILD_COVERAGE: childFolder }
  const run = spawnSync(join(bin, 'vitest'), ['run', '--coverage', ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  return run.status ?? 1
}

/** The lines on which a statement starts, and whether one of them ran. */
function linesOf({ statementMap, s }: FileCoverage): Map<number, boolean> {
  const lines = new Map<number, boolean>()
  for (const [id, { start }] of Object.entries(statementMap))
    lines.set(start.line, lines.get(start.line) === true || (s[id] ?? 0) > 0)
  return lines
}

function summarise(childLines: ReadonlyMap<string, ReadonlySet<number>>): Row[] {
  const rows = new Map<string, Row>()
  const files = JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8')) as Record<string, FileCoverage>
  for (const [file, coverage] of Object.entries(files)) {
    const name = file
      .slice(root.length + 1)
      .split('/')
      .slice(0, 2)
      .join('/')
    const row = rows.get(name) ?? { name, lines: 0, inTests: 0, withChildren: 0 }
    rows.set(name, row)
    for (const [line, ran] of linesOf(coverage)) {
      row.lines++
      if (ran) row.inTests++
      if (ran || childLines.get(file)?.has(line) === true) row.withChildren++
    }
  }
  return [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (100 * part) / whole)

function print(rows: readonly Row[]): void {
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(14))).join('')
  console.log(`\n${line(['package', 'lines', 'in tests', 'with children'])}`)
  for (const { name, lines, inTests, withChildren } of rows) {
    const shares = [inTests, withChildren].map((part) => `${percent(part, lines).toFixed(1)} %`)
    console.log(line([name, String(lines), ...shares]))
  }
}

function main(): number {
  const status = runTests()
  const childReports = readdirSync(childFolder).map((name) => join(childFolder, name))
  const rows = summarise(readChildCoverage(childReports, root))
  print(rows)
  const low = rows.filter(
    ({ name, lines, withChildren }) => name.startsWith('packages/') && percent(withChildren, lines) < goalPercent,
  )
  for (const { name } of low) console.error(`${name} is below ${goalPercent} % of its lines`)
  return status === 0 && low.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = main()
