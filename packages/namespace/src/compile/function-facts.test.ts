import { runInThisContext } from 'node:vm'
import { expect, test } from 'vitest'
import { type FunctionFacts, functionFactsOf } from './function-facts.ts'

function factsOf(code: string, text: string): FunctionFacts {
  const found = functionFactsOf(code).filter((each) => each.text === text)
  expect(found).toHaveLength(1)
  return found[0] as FunctionFacts
}

test.each([
  'function f(a, b) { return a + b }',
  'async  function * f ( ) { }',
  '(a, /* c */ b) => a',
  'async x => x',
  'class A extends null { static x = 1 ; m() {} }',
  'function () {}',
])('the text of %s is what toString shows', (text) => {
  const value = runInThisContext(`(${text})`) as () => void
  expect(value.toString()).toBe(text)
  expect(functionFactsOf(`value = ${text}`).map((each) => each.text)).toContain(text)
})

test.each([
  ['({ m() { return 1 } })', 'm'],
  ['({ async *m() { return 1 } })', 'm'],
  ["({ 'a b'() { return 1 } })", 'a b'],
  ['({ 12() { return 1 } })', '12'],
  ["({ ['lit']() { return 1 } })", 'lit'],
  ['({ [Symbol.iterator]() { return 1 } })', 'Symbol.iterator'],
  ['({ [name]() { return 1 } })', undefined],
  ['({ static() { return 1 } })', 'static'],
])('a method of %s', (code, key) => {
  const object = runInThisContext(code.replace('[name]', '["x"]')) as Record<PropertyKey, () => void>
  const [name] = Reflect.ownKeys(object)
  const text = (object[name as string] as () => void).toString()
  expect(factsOf(code, text.replace('["x"]', '[name]'))).toMatchObject({ form: 'method', key, isMember: false })
})

test.each([
  'm() {}',
  'static m() {}',
  'static /* c */ async m() {}',
  'get m() { return 1 }',
  'static set m(v) {}',
  '[Symbol.iterator]() {}',
])('a member of a class: %s', (member) => {
  const Class = runInThisContext(`(class { ${member} })`) as object
  const holder = member.startsWith('static') ? Class : (Class as { prototype: object }).prototype
  const key = Reflect.ownKeys(holder).find((each) => each === 'm' || each === Symbol.iterator) as string
  const { value, get, set } = Reflect.getOwnPropertyDescriptor(holder, key) ?? {}
  const text = ((value ?? get ?? set) as () => void).toString()
  expect(factsOf(`class A { ${member} }`, text)).toMatchObject({ form: 'method', isMember: true, isStrict: true })
  expect(functionFactsOf(`class A { ${member} }`)[0]?.body?.members).toMatchObject([{ text }])
})

const borrowed: readonly (readonly [code: string, text: string, captures: readonly string[]])[] = [
  ['const f = () => this', '() => this', []],
  ['function o() { return () => this }', '() => this', ['this']],
  ['function o() { return () => () => arguments }', '() => arguments', ['arguments']],
  ['function o() { return () => new.target }', '() => new.target', ['new.target']],
  ['({ m() { return super.x } })', 'm() { return super.x }', ['super']],
  ['({ m() { return () => super.x } })', '() => super.x', ['super']],
  ['class A { h = () => this.x }', '() => this.x', ['this']],
  ['class A { static { f = () => this } }', '() => this', ['this']],
  ['class A { #x; static r = (o) => o.#x }', '(o) => o.#x', ['#x']],
  ['class A { #x; static r = (o) => #x in o }', '(o) => #x in o', ['#x']],
  ['class A { #x; m() { return class { r(o) { return o.#x } } } }', 'class { r(o) { return o.#x } }', ['#x']],
  ['const f = () => class { #x; r(o) { return o.#x } }', 'class { #x; r(o) { return o.#x } }', []],
  ['function o() { return class extends this.P {} }', 'class extends this.P {}', ['this']],
  ['async function o() { return class extends (await p) {} }', 'class extends (await p) {}', ['await']],
  ['function o(a) { return () => a + b }', '() => a + b', ['a']],
  ['for (let i of []) { f = () => i }', '() => i', ['i']],
  ['for (var i of []) { f = () => i }', '() => i', []],
  ['try {} catch (e) { f = () => e }', '() => e', ['e']],
  ['switch (1) { case 1: let q; f = () => q }', '() => q', ['q']],
  ['function o(a, b = () => a) {}', '() => a', ['a']],
  ['(() => { function own() { return own } })()', 'function own() { return own }', []],
  ['(() => { function own() { return own } own = 1 })()', 'function own() { return own }', ['own']],
  ['const f = function own() { return own }', 'function own() { return own }', []],
  ['function f(s) { return eval(s) }', 'function f(s) { return eval(s) }', []],
  ['function o() { const a = 1; return (s) => eval(s) }', '(s) => eval(s)', ['eval']],
  ['function o() { eval("var v = 1"); return () => v }', '() => v', ['eval']],
  ['with ({}) { f = () => v }', '() => v', ['eval']],
]
test.each(borrowed)('%s: what %s takes from around it', (code, text, captures) => {
  expect(factsOf(code, text).captures).toEqual(captures)
})

test('a declaration that refers to itself by a global name loses its name', () => {
  expect(factsOf('function f(n) { return f(n) }', 'function f(n) { return f(n) }').anonymousText).toBe(
    'function (n) { return f(n) }',
  )
  expect(factsOf('function f(n) { return n }', 'function f(n) { return n }').anonymousText).toBeUndefined()
  expect(factsOf('function f(s) { return eval(s) }', 'function f(s) { return eval(s) }').anonymousText).toBe(
    'function (s) { return eval(s) }',
  )
})

test.each([
  ['function f() {}', false],
  ['"use strict"; function f() {}', true],
])('%s is strict: %s', (code, isStrict) => {
  expect(factsOf(code, 'function f() {}').isStrict).toBe(isStrict)
})

test.each([
  ['class A { m() {} x = 1; static s() {} }', false],
  ['class A extends B {}', false],
  ['class A extends null {}', false],
  ['class A { static x = 1 }', true],
  ['class A { static {} }', true],
  ['class A { [key]() {} }', true],
  ['class A extends mixin(B) {}', true],
])('%s runs code when it is defined: %s', (code, runsCode) => {
  expect(functionFactsOf(code)[0]?.body?.runsCode).toBe(runsCode)
})

test.each([
  '(a, b) => 0',
  'function f(a, b = 1, c) {}',
  '(...rest) => 0',
  'class { constructor(a, { b }) {} }',
  'class extends Object {}',
])('the length of %s', (text) => {
  const { length } = runInThisContext(`(${text})`) as () => void
  expect(factsOf(`value = ${text}`, text).parameters).toBe(length)
})

test('what only V8 can read has no facts', () => {
  expect(functionFactsOf('function f( {')).toEqual([])
})
