import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'

test.each([
  'Promise = 5',
  'Array = null; Object = null; Map = Set = WeakMap = undefined',
  'Error = TypeError = SyntaxError = String = RegExp = Symbol = JSON = Math = 0',
  'Object.prototype.foo = 1; Object.prototype.get = () => 9; Object.prototype.timeout = 1; Object.prototype.cachedData = 1',
  "Array.prototype.push = Array.prototype.slice = Array.prototype.map = () => { throw new Error('push') }",
  "Array.prototype[Symbol.iterator] = function* () { yield 'poison' }",
  "Map.prototype.get = Map.prototype.set = Set.prototype.add = Map.prototype.forEach = () => { throw new Error('map') }",
  "Promise.prototype.then = () => { throw new Error('then') }; Promise.resolve = () => 0",
  "Object.defineProperty(Promise, Symbol.species, { value: class { constructor() { throw new Error('species') } } })",
  "String.prototype.slice = String.prototype.split = RegExp.prototype.exec = () => { throw new Error('text') }",
  "Function.prototype.call = Function.prototype.bind = Reflect.apply = () => { throw new Error('call') }",
  "Object.keys = Object.defineProperty = Reflect.defineProperty = () => { throw new Error('keys') }",
  "require('util').inspect.defaultOptions.depth = 0; require('util').inspect = null",
  'delete globalThis.Promise; delete globalThis.AbortController; delete globalThis.process',
])('cells run after `%s`', async (poison) => {
  const engine = await startEngine()
  await engine.run(poison)
  expect(await engine.run('const kept = 41; let other = (() => kept + 1)(); other')).toMatchObject({
    completion: { kind: 'value', text: '42' },
  })
  expect(await engine.run('const slow = await (async () => kept)(); slow')).toMatchObject({
    completion: { kind: 'value', text: '41' },
  })
  expect((await engine.run('\nmissing')).error).toMatchObject({ name: 'ReferenceError', line: 2, column: 1 })
  expect((await engine.run('const = 1')).error).toMatchObject({ name: 'SyntaxError', line: 1 })
  expect((await engine.run('kept = 2')).error).toMatchObject({ message: 'Assignment to constant variable.' })
  const executionId = engine.begin('await pause()')
  await engine.counters()
  engine.cancel(executionId)
  expect((await engine.settled(executionId)).completion).toMatchObject({ kind: 'throw', cancelled: true })
  expect(await engine.inspect({ what: 'completions', code: 'kep', cursor: 3 })).toMatchObject({ names: ['kept'] })
})

test('what a cell changed of the language stays changed for cells', async () => {
  const engine = await startEngine()
  await engine.run("Array.prototype.map = () => 'mine'")
  await engine.run('const a = [1]')
  expect(await engine.value('a.map()')).toBe('mine')
})
