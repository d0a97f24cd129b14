import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start()
  await engine.value(`
    globalThis.ran = 0
    class Point { x = 1; get y() { ran++; return 2 } get [Symbol.toStringTag]() { ran++; return 'T' } method() {} }
    const point = new Point()
    let list = [1, 'two', { three: 3 }], text = 'a'.repeat(200), nothing = null
    var bag = new Map([[1, 2]])
    function greet() {}
    const trap = new Proxy({}, { ownKeys() { ran++; return [] }, getOwnPropertyDescriptor() { ran++ }, getPrototypeOf() { ran++; return null } })
    const lazy = { get deep() { ran++; return { secret: 1 } }, plain: { inner: { innermost: 1 } } }
  `)
})
afterAll(() => engine.stop())

test('the namespace lists bindings by name, without running code', async () => {
  const answer = await engine.inspect({ what: 'namespace' })
  expect(answer).toEqual({
    what: 'namespace',
    bindings: [
      { name: 'Point', kind: 'class', type: 'function', preview: '[class Point]' },
      { name: 'bag', kind: 'var', type: 'Map', size: 1, preview: 'Map(1)' },
      { name: 'greet', kind: 'function', type: 'function', preview: '[Function: greet]' },
      { name: 'lazy', kind: 'const', type: 'Object', size: 2, preview: '{ deep: [Getter], plain: [Object] }' },
      { name: 'list', kind: 'let', type: 'Array', size: 3, preview: "[ 1, 'two', [Object] ]" },
      { name: 'nothing', kind: 'let', type: 'null', preview: 'null' },
      { name: 'point', kind: 'const', type: 'Point', size: 1, preview: 'Point { x: 1 }' },
      { name: 'text', kind: 'let', type: 'string', size: 200, preview: expect.stringMatching(/^'a{60,}/) },
      { name: 'trap', kind: 'const', type: 'Proxy', preview: '[Proxy]' },
    ],
  })
  expect(answer.what === 'namespace' && answer.bindings.every(({ preview }) => preview.length <= 80)).toBe(true)
  expect(await engine.value('ran')).toBe(0)
})

describe('completions', () => {
  const names = async (code: string): Promise<string[]> => {
    const answer = await engine.inspect({ what: 'completions', code, cursor: code.length })
    return answer.what === 'completions' ? answer.names : []
  }

  test('are globals and bindings', async () => {
    expect(await names('gre')).toEqual(['greet'])
    expect(await names('const a = Arr')).toEqual(['Array', 'ArrayBuffer'])
    expect(await engine.inspect({ what: 'completions', code: 'x = li + 1', cursor: 6 })).toMatchObject({
      names: ['list'],
      from: 4,
    })
    expect(await names('__caps')).toEqual([])
  })

  test('are properties behind a dot', async () => {
    expect(await names('point.')).toEqual(expect.arrayContaining(['x', 'y', 'method', 'hasOwnProperty']))
    expect(await names('lazy.plain.in')).toEqual(['inner'])
    expect(await names('lazy.plain?.inner.inn')).toEqual(['innermost'])
    expect(await names('list.len')).toEqual(['length'])
    expect(await names('list.fla')).toEqual(['flat', 'flatMap'])
    expect(await names('text.padS')).toEqual(['padStart'])
    expect(await names('process.hrt')).toEqual(['hrtime'])
  })

  test('run neither getters nor calls nor proxies', async () => {
    expect(await names('lazy.deep.')).toEqual([])
    expect(await names('greet().')).toEqual([])
    expect(await names('list[0].')).toEqual([])
    expect(await names('trap.')).toEqual([])
    expect(await names('nothing.')).toEqual([])
    expect(await engine.value('ran')).toBe(0)
  })
})

test.each([
  ['1 + 1', 'complete'],
  ['', 'complete'],
  ['const a = await b', 'complete'],
  ['function f() {', 'incomplete'],
  ['function f(', 'incomplete'],
  ['if (a)', 'incomplete'],
  ['if (', 'incomplete'],
  ['foo(1,', 'incomplete'],
  ['const a =', 'incomplete'],
  ['[1, 2', 'incomplete'],
  ['({ a: 1,', 'incomplete'],
  ['`abc ${x', 'incomplete'],
  ['`abc', 'incomplete'],
  ['/* abc', 'incomplete'],
  ['a ?', 'incomplete'],
  ['a ? b', 'incomplete'],
  ['try {}', 'incomplete'],
  ['x.', 'incomplete'],
  ['() =>', 'incomplete'],
  ['import { a }', 'incomplete'],
  ['class A {', 'incomplete'],
  ['interface A {', 'incomplete'],
  ['const a: number =', 'incomplete'],
  ["'abc", 'invalid'],
  ['foo(1 2', 'invalid'],
  ['1 +* 2', 'invalid'],
  ['}', 'invalid'],
  ['(]', 'invalid'],
  ['let 5x', 'invalid'],
])('%j is %s', async (code, status) => {
  expect(await engine.inspect({ what: 'completeness', code })).toEqual({ what: 'completeness', status })
})
