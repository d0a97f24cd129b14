import { expect, test } from 'vitest'
import { type EngineProcess, type Settled, startEngine } from './engine-process.ts'
import { skippedIn } from './round-trip.ts'

const options = { transaction: 'rollback-on-failure' } as const

async function undone(engine: EngineProcess, code: string): Promise<Settled> {
  const settled = await engine.run(`${code}\n;throw new Error('undone')`, options)
  expect(settled.error?.message).toBe('undone')
  expect(settled.transaction?.action).toBe('rolled-back')
  return settled
}

function reportOf({ transaction }: Settled): Record<string, string> {
  return skippedIn(transaction?.report ?? [])
}

test('a cell that completes is committed, one that fails or asks for it is rolled back', async () => {
  const engine = await startEngine()
  await engine.run('let b = 1')
  expect((await engine.run('b = 2', options)).transaction).toEqual({ action: 'committed', report: [] })
  expect((await engine.run('b = 3', { transaction: 'commit-always' })).transaction).toEqual({
    action: 'committed',
    report: [],
  })
  const always = await engine.run('b = 4', { transaction: 'rollback-always' })
  expect(always.transaction).toEqual({ action: 'rolled-back', report: [{ name: 'b', status: 'restored' }] })
  expect((await engine.run('let let let', options)).transaction).toEqual({ action: 'rolled-back', report: [] })
  expect(await engine.value('b')).toBe(3)
})

test('data of every kind is put back in place', async () => {
  const engine = await startEngine()
  await engine.value(`var list = [1, { x: 1 }], map = new Map([[1, list]]), set = new Set([list]), date = new Date(5), memory = new ArrayBuffer(4), own = memory
    var bytes = new Uint8Array(memory), re = /a/g, error = new Error('e'), ordered = { a: 1, b: 2, c: 3 }, holder = { list, get g() { return 1 } }
    class P { constructor() { this.v = 1 } }; var p = new P(), identity = { list, map, set, p }; memory.own = 1; bytes.extra = 1
    function fn() {} fn.prop = 1; var resizable = new ArrayBuffer(2, { maxByteLength: 4 }), frozen = Object.freeze([1]); undefined`)
  const names = [
    'list',
    'map',
    'set',
    'date',
    'memory',
    'bytes',
    're',
    'error',
    'ordered',
    'holder',
    'p',
    'identity',
    'fn',
    'resizable',
    'frozen',
  ]
  const before = await engine.describe(names)
  const settled = await undone(
    engine,
    `list.push(9); list[1].x = 5; map.clear(); set.add(1); date.setTime(9); bytes[0] = 9; memory.own = 2; bytes.extra = 2; re.compile('b'); re.lastIndex = 3
    error.message = 'other'; error.stack = 'other'; delete ordered.a; ordered.a = 1; delete holder.list; Object.setPrototypeOf(p, null); fn.prop = 2; fn.prototype.x = 1
    resizable.resize(4); P.prototype.added = 1`,
  )
  expect(reportOf(settled)).toEqual({})
  expect(await engine.describe(names)).toBe(before)
  expect(
    await engine.value('JSON.stringify(ordered) + (identity.list === list && map.get(1) === list && own === memory)'),
  ).toBe('{"a":1,"b":2,"c":3}true')
})

test('names that the cell declared or defined are gone, and what they shadowed is back', async () => {
  const engine = await startEngine()
  const names = 'typeof fresh + typeof Fresh + typeof freshFunction + typeof undeclared + typeof getter'
  await undone(
    engine,
    `let fresh = 1; class Fresh {} function freshFunction() {} undeclared = 1; Object.defineProperty(globalThis, 'getter', { get() { return 1 }, configurable: true })
    const navigator = 1, fetch = 2, require = 3, _ = 4, capsule = 5; console = 6; process = 7; JSON = 8; class Set {}`,
  )
  expect(await engine.value(names)).toBe('undefined'.repeat(5))
  expect(await engine.value('[typeof navigator, typeof fetch, typeof require, typeof capsule, typeof console.log, typeof process.pid, new Set([1]).size + JSON.parse("1")]')).toEqual([
    'object', 'function', 'function', 'object', 'function', 'number', 2,
  ]) // prettier-ignore
  expect((await engine.capture()).report.filter(({ name }) => !/^(?:_+|Out)/.test(name))).toEqual([])
  // they can be declared again, in any way
  expect(await engine.value('const fresh = 2; fresh')).toBe(2)
})

test('what was deleted or declared anew is back, with its kind', async () => {
  const engine = await startEngine()
  await engine.run('const kept = 1; var gone = { a: 1 }; function f() { return 1 }')
  await undone(engine, 'delete globalThis.gone; var kept = 5; function f() { return 2 }; kept = 6')
  expect(await engine.value('[kept, gone.a, f()]')).toEqual([1, 1, 1])
  expect((await engine.run('kept = 2')).error?.message).toBe('Assignment to constant variable.')
})

test('what may not be as before is in the report', async () => {
  const engine = await startEngine()
  await engine.value(`var counter = (() => { let c = 0; return () => ++c })(), weak = new WeakMap(), proxy = new Proxy({}, {}), pending = new Promise(() => {})
    class Secret { #x = 1 } var secret = new Secret(), sealed = { a: 1 }, moved = new ArrayBuffer(4), fine = { a: 1 }
    var detached = new ArrayBuffer(1); detached.transfer(); undefined`)
  const settled = await undone(
    engine,
    'counter(); Object.freeze(sealed); sealed.b = 1; moved.transfer(); fine.a = 2; Object.defineProperty(globalThis, "lasting", { value: 1 })',
  )
  expect(reportOf(settled)).toEqual({
    counter: 'local-closure', weak: 'native-object', proxy: 'proxy', pending: 'pending-promise', secret: 'private-state', sealed: 'frozen', moved: 'frozen',
    lasting: 'frozen',
  }) // prettier-ignore
  expect(await engine.value('fine.a')).toBe(1)
})

test('the values of the history are put back as well', async () => {
  const engine = await startEngine()
  await engine.run('({ a: 1 })')
  const settled = await undone(engine, '_.a = 2; Out[1].b = 3; Out[7] = 1; delete In[1]')
  expect(settled.transaction?.report.map(({ name, status }) => [name, status])).toEqual([
    ['Out[1]', 'restored'],
    ['_', 'restored'],
  ])
  expect(await engine.value('[_, Object.keys(Out), In[1]]')).toEqual([{ a: 1 }, ['1'], '({ a: 1 })'])
})

test('getters and proxies do not run for a transaction', async () => {
  const engine = await startEngine()
  await engine.value(`var seen = []; var getter = { get x() { seen.push('x') } }, proxy = new Proxy({}, { ownKeys() { seen.push('keys'); return [] } })
    class E extends Error { get message() { seen.push('message') } }; var error = new E(); Error.prepareStackTrace = () => { seen.push('stack') }; undefined`)
  const settled = await engine.run('throw 1', options)
  expect(settled.transaction?.action).toBe('rolled-back')
  expect(await engine.value('seen.length')).toBe(0)
})
