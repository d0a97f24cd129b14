import { afterAll, beforeAll, expect, it } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start({ modules: false })
})
afterAll(() => engine.stop())

it.each([
  ["import 'node:fs'"],
  ["import { x } from './x.mjs'"],
  ["await import('fs')"],
  ['await eval(\'import("node:net")\')'],
  ['await (async () => {}).constructor(\'return import("node:vm")\')()'],
  ["await import('data:text/javascript,export default 1')"],
  ["export * from 'typescript'"],
  ["import.meta.resolve('node:fs')"],
])('cells have no modules: %s', async (code) => {
  const { error } = await engine.run(code)
  expect(error).toMatchObject({ name: 'CapsuleError', code: 'MODULES_UNAVAILABLE' })
})

it('leaves nothing that leads to modules', async () => {
  const members = ['getBuiltinModule', 'binding', '_linkedBinding', 'mainModule', 'dlopen', 'execve']
  const code = `[typeof require, ${members.map((name) => `typeof process.${name}`).join()}]`
  expect(await engine.value(code)).toEqual(['require', ...members].map(() => 'undefined'))
})

it('lets no setter on a prototype get hold of a require function', async () => {
  const code = `const leaks = []
for (const name of ['extensions', 'main', 'cache', 'resolve']) {
  Object.defineProperty(Object.prototype, name, { configurable: true, set() { leaks.push(this) } })
}
try { import.meta.resolve('x') } catch {}
for (const name of ['extensions', 'main', 'cache', 'resolve']) delete Object.prototype[name]
leaks.length`
  expect(await engine.value(code)).toBe(0)
})

it('still runs TypeScript that has to be printed anew', async () => {
  expect(await engine.value('enum Colour { Red, Green }; Colour.Green')).toBe(1)
})
