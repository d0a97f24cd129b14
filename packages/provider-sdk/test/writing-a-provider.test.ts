import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

// Runs the code of docs/writing-a-provider.md as it stands there: its tests and its contract become tests of this file.

const root = join(import.meta.dirname, '../../..')
const document = readFileSync(join(root, 'docs/writing-a-provider.md'), 'utf8')
const blockPattern = /```ts\n\/\/ (?<name>[a-z-]+(?:\.test)?\.ts)(?<continued>, continued)?\n(?<code>.*?)```/gs

/** Each block that names its file in its first line; `continued` goes on with it. */
function readFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const { groups: { name = '', continued, code = '' } = {} } of document.matchAll(blockPattern)) {
    // needs a host, and is run by its tests
    if (name === 'program.ts') continue
    const before = files.get(name)
    if ((before !== undefined) !== (continued !== undefined)) throw new Error(`${name} begins twice, or never`)
    files.set(name, (before ?? '') + code)
  }
  return files
}

const files = readFiles()
// within this package, from where '@capsule/provider-sdk' is found
const directory = mkdtempSync(join(import.meta.dirname, '../.document-'))
const remove = (): void => rmSync(directory, { recursive: true, force: true })
afterAll(remove)
for (const [name, code] of files) writeFileSync(join(directory, name), code)
await import(join(directory, 'notes.test.ts')).catch((error: unknown) => {
  // nothing else runs then
  remove()
  throw error
})

it('has all the files that the document names', () => {
  expect([...files.keys()]).toEqual(['note-service.ts', 'notes-errors.ts', 'notes.ts', 'notes.test.ts'])
})

it('compiles as it stands', { timeout: 60_000 }, () => {
  const compilerOptions = {
    composite: false,
    noEmit: true,
    emitDeclarationOnly: false,
    declaration: false,
    declarationMap: false,
  }
  const config = { extends: '../../../tsconfig.base.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const run = spawnSync(tsc, ['-p', directory], {
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
    timeout: 50_000,
  })
  expect(run).toMatchObject({ stdout: '', stderr: '', status: 0 })
})
