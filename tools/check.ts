import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closingLine, type Counts } from './vitest-closing-line.ts'

interface Step {
  readonly name: string
  /** A tool in node_modules/.bin and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly timeoutMs: number
}

const minute = 60_000
const steps: readonly Step[] = [
  { name: 'lint:oxfmt', command: ['oxfmt', '--check'], timeoutMs: minute },
  { name: 'lint:knip', command: ['knip', '--no-config-hints'], timeoutMs: 2 * minute },
  { name: 'lint:knip-strict', command: ['knip', '--strict'], timeoutMs: 2 * minute },
  { name: 'lint:layers', command: ['node', 'tools/check-layers.mjs'], timeoutMs: minute },
  {
    name: 'lint:errors',
    command: ['node', '--conditions=@capsule/source', 'tools/generate-errors.ts', '--check'],
    timeoutMs: minute,
  },
  {
    name: 'lint:escapes',
    command: ['node', '--conditions=@capsule/source', 'tools/generate-escape-table.ts', '--check'],
    timeoutMs: minute,
  },
  { name: 'build', command: ['nx', 'run-many', '-t', 'build'], timeoutMs: 5 * minute },
  { name: 'typecheck:sources', command: ['tsc', '-b'], timeoutMs: 5 * minute },
  { name: 'typecheck:tests', command: ['tsc', '-p', 'tsconfig.test.json'], timeoutMs: 5 * minute },
  // After the build: tests belong to no tsconfig.json that it finds, so it sees other packages as built.
  { name: 'lint:oxlint', command: ['oxlint', '--type-aware', '--deny-warnings'], timeoutMs: 2 * minute },
  { name: 'packages:lint', command: ['nx', 'run-many', '-t', 'packcheck'], timeoutMs: 5 * minute },
  { name: 'packages:consumer', command: ['node', 'tools/check-consumer.ts'], timeoutMs: 5 * minute },
]
const testsTimeoutMs = 40 * minute

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules/.bin')
const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' }
const env = { ...process.env, ...plain, PATH: `${bin}:${process.env['PATH']}` }

function runStep({ name, command: [tool, ...args], timeoutMs }: Step): boolean {
  const startedMs = performance.now()
  const run = spawnSync(join(bin, tool), args, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    maxBuffer: Infinity,
  })
  const isPassed = run.status === 0
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`${isPassed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (!isPassed) console.log(`$ ${[tool, ...args].join(' ')}\n${run.stdout}${run.stderr}${run.error?.message ?? ''}`)
  return isPassed
}

/** Runs every test; a run that fails without a failed test (a leftover process, a crash) counts as one failure. */
function runTests(): Counts {
  const countsFile = join(tmpdir(), `capsule-counts-${process.pid}.json`)
  const run = spawnSync(join(bin, 'vitest'), ['run'], {
    cwd: root,
    env: { ...env, CAPSULE_COUNTS: countsFile },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: testsTimeoutMs,
  })
  const counts = readCounts(countsFile)
  rmSync(countsFile, { force: true })
  return run.status === 0 || counts.failed > 0 ? counts : { ...counts, failed: counts.failed + 1 }
}

function readCounts(file: string): Counts {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Counts
  } catch {
    console.log('FAILED vitest ended without a report')
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

/**
 * All that `npm test` checks: every step of `steps`, also after one that failed, then the tests. With names (`lint`,
 * `typecheck:tests`), only those steps. The last line is 'N passed, N failed, N skipped', each step counted as a test.
 */
function main(names: readonly string[]): number {
  const isChosen = ({ name }: Step): boolean => names.some((chosen) => name === chosen || name.startsWith(`${chosen}:`))
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for (const step of names.length === 0 ? steps : steps.filter(isChosen)) counts[runStep(step) ? 'passed' : 'failed']++
  if (names.length === 0 || names.includes('tests')) {
    const tests = runTests()
    for (const key of ['passed', 'failed', 'skipped'] as const) counts[key] += tests[key]
  }
  console.log(`\n${closingLine(counts)}`)
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
