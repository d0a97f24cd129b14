import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'tsup'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readChildCoverage } from './child-lines.ts'

const source = `type Sign = 'even' | 'odd'

export function sign(n: number): Sign {
  if (n % 2 === 0) {
    return 'even'
  }
  return 'odd'
}
console.log(sign(2))
`

let folder: string
beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'capsule-coverage-')))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function linesRunBy(script: string): number[] {
  const env = { NODE_V8_COVERAGE: join(folder, 'reports') }
  const run = spawnSync(process.execPath, [join(folder, script)], { env, encoding: 'utf8', timeout: 10_000 })
  expect(run.stdout).toBe('even\n')
  const reports = readdirSync(env.NODE_V8_COVERAGE).map((name) => join(env.NODE_V8_COVERAGE, name))
  return [...(readChildCoverage(reports, folder).get(join(folder, 'sign.ts')) ?? [])]
}

it('sees which lines of a source file a child ran', () => {
  writeFileSync(join(folder, 'sign.ts'), source)
  const lines = linesRunBy('sign.ts')
  expect(lines).toEqual(expect.arrayContaining([4, 5, 9]))
  expect(lines).not.toContain(7)
})

it('sees through a bundle and its source map', async () => {
  writeFileSync(join(folder, 'sign.ts'), source)
  await build({
    config: false,
    silent: true,
    entry: [join(folder, 'sign.ts')],
    outDir: join(folder, 'out'),
    format: 'cjs',
    outExtension: () => ({ js: '.cjs' }),
    sourcemap: true,
  })
  const lines = linesRunBy('out/sign.cjs')
  expect(lines).toEqual(expect.arrayContaining([4, 5, 9]))
  expect(lines).not.toContain(7)
})
