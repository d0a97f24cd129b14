import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
let cwd: string
beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), 'capsule-imports-')))
  await place(
    'node_modules/dual/package.json',
    JSON.stringify({ name: 'dual', exports: { import: './m.mjs', require: './c.cjs' } }),
  )
  await place('node_modules/dual/m.mjs', "export default 'esm'; export const named = 1")
  await place('node_modules/dual/c.cjs', "module.exports = 'cjs'")
  await place('local.mjs', 'export const place = import.meta.filename')
  await place('data.json', '{"n":1}')
  await place('throws.mjs', '\nexport function blow() { throw new Error("in a module") }')
  engine = await EngineProcess.start({ cwd })
})
afterAll(async () => {
  await engine.stop()
  await rm(cwd, { recursive: true })
})

async function place(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(cwd, name)), { recursive: true })
  await writeFile(join(cwd, name), text)
}

test('builtins, packages and files are imported from cwd', async () => {
  await engine.run(
    "import { basename } from 'node:path'; import dual, { named } from 'dual'; import { place } from './local.mjs'",
  )
  expect(await engine.value('[basename(place), dual, named]')).toEqual(['local.mjs', 'esm', 1])
  expect(await engine.value("(await import('./data.json', { with: { type: 'json' } })).default.n")).toBe(1)
})

test('require resolves from cwd', async () => {
  expect(await engine.value("[require('dual'), require('./data.json').n, require('path').sep]")).toEqual([
    'cjs',
    1,
    '/',
  ])
})

test('import() works in timers and in eval', async () => {
  const code = "await new Promise((resolve) => setTimeout(() => resolve(import('dual')))).then((m) => m.default)"
  expect(await engine.value(code)).toBe('esm')
  expect(await engine.value('(await eval("import(\'dual\')")).default')).toBe('esm')
})

test('imports follow cwd of the engine, not of the process', async () => {
  await engine.run("process.chdir('/')")
  expect(await engine.value("(await import('./local.mjs')).place")).toBe(join(cwd, 'local.mjs'))
})

test('import.meta tells where the cell stands', async () => {
  const { value, cell } = await engine.run(
    "const meta = import.meta; [meta.filename, meta.dirname, meta.url, meta.main, meta.resolve('./local.mjs'), meta.resolve('fs')]",
  )
  const filename = join(cwd, `cell-${cell}.js`)
  const url = pathToFileURL(filename).href
  expect(value).toEqual([filename, cwd, url, false, pathToFileURL(join(cwd, 'local.mjs')).href, 'node:fs'])
})

test('import.meta of a TypeScript cell has the name that stack traces show', async () => {
  const { value, cell } = await engine.run('const file: string = import.meta.filename\nfile')
  expect(value).toBe(join(cwd, `cell-${cell}.ts`))
})

test('frames in modules keep their files', async () => {
  const { error, cell } = await engine.run("const { blow } = await import('./throws.mjs')\nblow()")
  expect(error?.stack).toContain(`${join(cwd, 'throws.mjs')}:2:`)
  expect(error).toMatchObject({ line: 2, column: 1 })
  expect(error?.stack).toContain(`cell-${cell}.js:2:1`)
})
