import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EngineProcess, startEngine } from './engine-process.ts'
import { roundTrip, skippedIn } from './round-trip.ts'

/** Cells, what of them is skipped and why, and expressions that give the same before and after. */
interface Case {
  readonly cells: readonly string[]
  readonly skipped?: Record<string, string>
  /** Of the restore alone. */
  readonly lost?: Record<string, string>
  readonly same?: readonly string[]
}

async function check(
  from: EngineProcess,
  to: EngineProcess,
  { cells, skipped = {}, lost = {}, same = [] }: Case,
): Promise<void> {
  for (const cell of cells) await from.value(`${cell}\n;undefined`)
  const trip = await roundTrip(from, to)
  expect(skippedIn(trip.captured.report)).toEqual(skipped)
  expect(skippedIn(trip.restored)).toEqual(lost)
  expect(trip.after).toBe(trip.before)
  expect(trip.afterAgain).toBe(trip.before)
  expect(trip.again.map(({ name }) => name)).toEqual(trip.kept)
  const options = { storeHistory: false }
  for (const code of same)
    expect([code, await to.value(code, options)]).toEqual([code, await from.value(code, options)])
}

const cases: Record<string, Case> = {
  'strings and numbers of every kind': {
    cells: [
      String.raw`var texts = ["\ud800", "a\0b", "\u{1F600}", "é".repeat(50), "x".repeat(100), "", "\udc00\ud800"]
      var numbers = [-0, 0, NaN, Infinity, -Infinity, 1e21, 2**53, -(2**31), 2**31, 0.1, 5e-324, 2**30, 2**30 - 1, -(2**30)]
      var bigs = [0n, -1n, 2n**200n, -(2n**65n)]; var negativeZero = -0; var keys = { "\ud800": 1, "a\0": 2, "": 3 }`,
    ],
    same: ['Object.is(negativeZero, -0)'],
  },
  'symbols by identity, registry and name': {
    cells: [
      `var s1 = Symbol('a'), s2 = Symbol('a'), s3 = Symbol(), s5 = Symbol.for(''), s6 = Symbol.iterator
      var bySymbol = { [s1]: 1, [s2]: 2, [s3]: 3, [s5]: 4 }, boxed = Object(s1)`,
    ],
    same: ['bySymbol[s1] + bySymbol[s2] * 2', "s5 === Symbol.for('')", 'typeof s3.description'],
  },
  'objects with unusual keys and attributes': {
    cells: [
      `var odd = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": 3, "1": "a", "-1": "b", "01": "c"}')
      odd[Symbol.toStringTag] = 'T'
      var bare = Object.create(null); bare.__proto__ = 1; bare.constructor = 2
      var attributes = Object.create({}, { a: { value: 1 }, b: { get() { return 1 }, enumerable: true },
        c: { set(v) {}, configurable: true }, d: { value: 2, writable: true }, e: { get: undefined } })
      var sealed = Object.seal({ a: 1 }), frozen = Object.freeze({ a: 1, get b() { return 2 } })
      var fixed = Object.preventExtensions({ z: 1 }), sealedGetter = Object.seal({ get q() { return 1 } })
      var mixed = Object.preventExtensions(Object.defineProperty({ a: 1 }, 'b', { value: 2 })), frozenEmpty = Object.freeze({})
      var chain = Object.create(Object.create(Object.create({ deep: 1 })))
      var numberBox = new Number(-0), textBox = new String('ab\\ud800'), falseBox = new Boolean(false), bigBox = Object(5n)
      textBox.own = numberBox; numberBox.own = textBox`,
    ],
    same: ['chain.deep', 'attributes.b', 'odd.constructor'],
  },
  'arrays: sparse, huge, with further properties, with attributes': {
    cells: [
      `var sparse = []; sparse[2**32 - 2] = 1; sparse[5] = 2
      var longest = new Array(2**32 - 1), empty = new Array(1e6), wide = new Array(4e7); wide[7] = 1
      var holes = [1, , 3], extra = [1, 2]; extra.foo = 1; extra[-1] = 2; extra['1.5'] = 3; extra['4294967295'] = 4
      var both = [1, , 3]; both.foo = 2
      var readOnly = [1, 2]; Object.defineProperty(readOnly, 0, { value: 1, writable: false })
      var accessor = [1]; Object.defineProperty(accessor, 0, { get() { return 9 }, configurable: true, enumerable: true })
      var many = Array.from({ length: 5000 }, (_, i) => i), manyExtra = many.slice(); manyExtra.extra = 1
      var frozenHoles = Object.freeze([1, , 2]), sealedOne = Object.seal([1]), fixedOne = Object.preventExtensions([1])
      var bare = Object.setPrototypeOf([1], null), other = Object.setPrototypeOf([1], { foo() { return 1 } })
      var fixedLength = [1]; Object.defineProperty(fixedLength, 'length', { writable: false })`,
    ],
    skipped: { fixedLength: 'native-object' },
    same: ['accessor[0]', 'holes.length', '0 in holes && !(1 in holes)', 'longest.length'],
  },
  'buffers and their views': {
    cells: [
      `var memory = new ArrayBuffer(16), bytes = new Uint8Array(memory, 2, 4), floats = new Float64Array(memory)
      var view = new DataView(memory, 3, 5); bytes[0] = 7; memory.own = 1
      var nodeView = Buffer.from(memory, 0, 4), pooled = Buffer.from('hello'), large = Buffer.alloc(100_000, 1)
      var resizable = new ArrayBuffer(4, { maxByteLength: 8 }), tracking = new Uint8Array(resizable)
      var gone = new ArrayBuffer(8), goneView = new Uint8Array(gone), goneData = new DataView(gone); gone.transfer()
      var shared = new SharedArrayBuffer(4), sharedView = new Int32Array(shared), half = new Float16Array([1.5])
      var extra = new Uint8Array(2); extra.foo = 1; var fixed = Object.preventExtensions(new Uint8Array(2))
      var text = Buffer.from('hello world'), part = text.subarray(2, 5)`,
    ],
    skipped: {
      tracking: 'native-object',
      gone: 'native-object',
      goneView: 'native-object',
      goneData: 'native-object',
      shared: 'native-object',
      sharedView: 'native-object',
      extra: 'native-object',
      part: 'native-object',
    },
    same: ['floats.buffer === bytes.buffer && view.buffer === memory', 'nodeView.buffer === memory'],
  },
  'maps and sets, in themselves, with another prototype': {
    cells: [
      `var key = { a: 1 }, map = new Map([[key, 1], [NaN, 2], [-0, 3]]); map.set(map, map); map.extra = 1
      var set = new Set([key, map]); set.add(set); var frozenMap = Object.freeze(new Map([[1, 2]]))
      var bareMap = Object.setPrototypeOf(new Map([[1, 2]]), null), plainMap = Object.setPrototypeOf(new Map([[1, 2]]), Object.prototype)
      var noMap = Object.create(Map.prototype)`,
    ],
    skipped: { noMap: 'native-object' },
    same: ['map.get(key)', 'map.get(map) === map && set.has(set)'],
  },
  'errors, without running code of theirs': {
    cells: [
      `var error = new Error('a', { cause: { x: 1 } }), all = new AggregateError([error, new TypeError('b')], 'm')
      var own = new Error('c'); own.stack = 'custom'
      var none = new Error('d'); delete none.stack
      var getter = new Error('g'); Object.defineProperty(getter, 'stack', { get() { globalThis.ran = 1 } })
      var data = new Error('z'); Object.defineProperty(data, 'stack', { value: 'data', enumerable: true })
      class Computed extends Error { get message() { globalThis.ran = 1; return 'm' } }
      var computed = new Computed(), renamed = new Error('n'); renamed.name = 'Other'
      var noMessage = new Error('x'); delete noMessage.message
      var numeric = new Error('q'); numeric.stack = 5
      class Coded extends TypeError { constructor(m) { super(m); this.code = 'E' } }; var coded = new Coded('boo')`,
    ],
    skipped: { getter: 'native-object', computed: 'native-object', numeric: 'native-object' },
    same: [
      'typeof ran',
      'error.stack',
      'own.stack',
      'all.errors[0] === error',
      'coded instanceof Coded && coded instanceof TypeError',
    ],
  },
  'regular expressions, without running code of theirs': {
    cells: [
      `class R extends RegExp { get flags() { globalThis.ran = 1; return 'g' } get global() { globalThis.ran = 1; return true } }
      var r = new R('a', 'iy'); r.lastIndex = 3
      var all = /(?<n>x)/dgimsuy, sets = /[\\p{L}--a]/v, empty = new RegExp(''), line = new RegExp('\\n/')
      var at = /x/; at.lastIndex = { valueOf() { globalThis.ran = 1; return 1 } }; var own = /a/; own.exec = () => null
      var fixed = /x/; Object.defineProperty(fixed, 'lastIndex', { value: 2, writable: false })`,
    ],
    skipped: { fixed: 'native-object' },
    same: ['typeof ran', 'all.flags + sets.source'],
  },
  'values whose getters and hooks would run': {
    cells: [
      `var hooks = { get x() { globalThis.ran = 2 }, toJSON() { globalThis.ran = 2 }, get [Symbol.toStringTag]() { globalThis.ran = 2 },
        [Symbol.toPrimitive]() { globalThis.ran = 2 }, then() { globalThis.ran = 2 } }
      class T extends Array { get [Symbol.toStringTag]() { globalThis.ran = 1 } static get name() { globalThis.ran = 1 } static [Symbol.hasInstance]() { globalThis.ran = 1 } }
      var t = new T(2000).fill(1), big = new Array(5000).fill(0); big.constructor = T
      class P extends Promise { get [Symbol.toStringTag]() { globalThis.ran = 1 } }; var p = new P(() => {})
      class W extends Map { get size() { globalThis.ran = 1 } forEach() { globalThis.ran = 1 } }; var w = new W([[1, 2]])
      var named = function () {}; Object.defineProperty(named, 'name', { get() { globalThis.ran = 1 } })`,
    ],
    skipped: { p: 'pending-promise' },
    same: ['typeof ran'],
  },
  'recursion, old versions, names of declarations': {
    cells: [
      'function even(n) { return n === 0 || odd(n - 1) } function odd(n) { return n !== 0 && even(n - 1) }',
      'var factorial = function f(n) { return n < 2 ? 1 : n * f(n - 1) }',
      'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }',
      'var oldFib = fib; function fib(n) { return -n }',
      '"use strict"; function strictFib(n) { return n < 2 ? n : strictFib(n - 1) + strictFib(n - 2) }',
      'await 1; function waited(n) { return n < 2 ? n : waited(n - 1) + waited(n - 2) }',
      'function* down(n) { if (n) yield* down(n - 1); yield n }',
    ],
    same: [
      'even(10)',
      'factorial(5)',
      'fib(3)',
      'oldFib(5)',
      'strictFib(6)',
      'waited(6)',
      '[...down(3)]',
      'fib.name + oldFib.name + strictFib.name + waited.name',
    ],
  },
  'functions of blocks, loops, methods and keys of every kind': {
    cells: [
      'var captured = []; for (let i = 0; i < 2; i++) captured.push(() => i)',
      'var shared = []; for (var j = 0; j < 2; j++) shared.push(() => j)',
      '{ function inBlock() { return 7 } }',
      '{ let local = 1; var usesLocal = () => local }',
      'if (true) { function annexB() { return annexB } }',
      'switch (1) { case 1: let sw = 3; var usesSwitch = () => sw }',
      'try { throw 1 } catch (caught) { var usesCaught = () => caught }',
      `var methods = { a() { return 1 }, 'b c'() { return 2 }, 3() { return 3 }, ['lit']() { return 4 }, [Symbol.iterator]() { return [9][Symbol.iterator]() },
        get g() { return 5 }, set g(v) {}, async m() {}, *gn() { yield 1 }, async *ag() {}, get() { return 6 }, static() { return 7 }, async() { return 8 }, __proto__() { return 9 } }`,
      'var computed = { [`k${4}`]() { return 4 } }, withSuper = { a() { return super.toString() } }',
      'function outer() { return [() => this, () => arguments[0], () => new.target, () => j] }; var [a1, a2, a3, a4] = outer.call({ k: 1 }, 2)',
      'var tagged = () => ((s, v) => s.raw[0] + v)`x\\n${1}`; function defaults(a, b = () => a, { c = 3 } = {}) { return b() + c + arguments.length }',
    ],
    skipped: {
      captured: 'local-closure',
      usesLocal: 'local-closure',
      usesSwitch: 'local-closure',
      usesCaught: 'local-closure',
      computed: 'unknown-source',
      withSuper: 'local-closure',
      a1: 'local-closure',
      a2: 'local-closure',
      a3: 'local-closure',
    },
    same: [
      'shared[0]()',
      'inBlock()',
      'annexB() === annexB',
      "methods['b c']() + methods[3]() + methods.lit() + methods.__proto__()",
      '[...methods]',
      'a4()',
      'tagged() + defaults(1)',
    ],
  },
  'functions whose text does not tell what they are': {
    cells: [
      'const f1 = () => zz; var zz = 1',
      'const f2 = (() => { const zz = 5; return () => zz })()',
      'function sloppy() { return this }',
      '"use strict"; var strict = function sloppy() { return this }',
      'var named = function ff() { return typeof ff }',
      'function ff() { return typeof ff }',
      'var q0 = () => e1; var e1 = 1',
      'function mk() { var e1 = 5; return eval("() => e1") } var q1 = mk()',
      'function declares() { eval("var v9 = 1"); return () => v9 } var q2 = declares()',
      'var made = new Function("a", "return a + 1"), bound = mk.bind(null)',
      'with ({ w: 1 }) { var inWith = () => w + 0 }',
      'var assigned = (() => { function own() { return own } const was = own; own = 5; return was })()',
      'function evaluates(s) { return eval(s) }',
    ],
    skipped: {
      f1: 'local-closure', f2: 'local-closure', sloppy: 'unknown-source', strict: 'unknown-source', named: 'unknown-source', ff: 'unknown-source',
      q0: 'unknown-source', q1: 'unknown-source', q2: 'local-closure', made: 'unknown-source', bound: 'native-object', inWith: 'local-closure', assigned: 'local-closure',
    }, // prettier-ignore
    same: ['evaluates("zz + typeof evaluates")'],
  },
  'functions with properties and other prototypes': {
    cells: [
      `function f() {} f.a = 1; f.self = f; Object.defineProperty(f, 'name', { value: 'zzz' }); f.prototype.q = 1
      function G() {} G.prototype = { m() { return 1 } }; var g = new G()
      function H() {} H.prototype = Object.create(G.prototype); var h = new H()
      function I() {}; Object.setPrototypeOf(I.prototype, G.prototype)
      function J() {} J.prototype.constructor = 5; function K() {} K.prototype = null
      function Parent() {} function Child() {} Object.setPrototypeOf(Child, Parent)
      var arrow = () => 1; Object.setPrototypeOf(arrow, f); arrow.z = 1
      function length(a, b = 1, c) {}; Object.defineProperty(length, 'length', { value: 9 })
      function Frozen() {} Object.freeze(Frozen); Object.freeze(Frozen.prototype)
      function noName() {}; delete noName.name
      function get() { return this._x } var o = Object.defineProperty({ _x: 1 }, 'x', { get, enumerable: true }), p = { f: get }`,
    ],
    skipped: { noName: 'unknown-source' },
    same: [
      'g instanceof G && h instanceof H && h instanceof G', 'new I().m()', 'f.name + arrow.a', 'K.prototype',
      'Object.getPrototypeOf(Child) === Parent && Object.getPrototypeOf(Child.prototype) === Object.prototype',
      "Object.getOwnPropertyDescriptor(o, 'x').get === p.f && o.x",
    ], // prettier-ignore
  },
  'classes with members of every kind': {
    cells: [
      `class A { x = 1; h = () => this.x; static s = 5; static { this.t = 6 } ['c' + 1]() { return 1 } static async *gen() { yield 1 } get v() { return 3 } set v(z) {}
        static y; m() {} static name = 'nm'; get length() { return 1 } }; A.s = 2; delete A.y; A.z = 1
      class B { y = [1]; m() { return this.y } static length() { return 1 } }; var b = new B(), method = B.prototype.m
      class Deleted { m() {} } delete Deleted.prototype.m
      class Replaced { m() {} } Replaced.prototype.m = function () { return 2 }; Replaced.prototype.extra = () => 1
      class Frozen { static q() {} } Object.freeze(Frozen); Object.freeze(Frozen.prototype)
      class Swapped { m() {} } Swapped.prototype.constructor = A
      class Private { #x = 1; #m() { return 1 } pub() { return this.#m() } static #s() { return 2 } static ps() { return Private.#s() } }; var secret = new Private()
      class Counter { static #c = 0; static inc() { return ++Counter.#c } }
      class Reader { #x = 1; static read = (o) => o.#x }
      var early = { m: null, K: class { m() { return 1 } } }; early.m = early.K.prototype.m
      var anonymous = class { }, inner = class Named { me() { return Named } }`,
    ],
    skipped: {
      Deleted: 'unknown-source', Swapped: 'unknown-source', secret: 'private-state', Counter: 'private-state', Reader: 'local-closure',
      early: 'unknown-source',
    }, // prettier-ignore
    same: [
      'A.name + A.t + A.s',
      'b.m()',
      'method === B.prototype.m',
      'new Replaced().m()',
      'B.length()',
      'new inner().me() === inner',
      'new Private().pub() + Private.ps()',
    ],
  },
  'class hierarchies, old and new': {
    cells: [
      `class A { a() { return 'a' } static s() { return 's' } } class B extends A { a() { return super.a() + 'b' } static s() { return super.s() + 't' } }
      class Nothing extends null { static z() {} } class M extends Map { two() { return 2 } } class List extends Array { last() { return this[this.length - 1] } }
      class Da extends Date {} class Re extends RegExp {} class U8 extends Uint8Array {} class St extends String {}
      var b = new B(), m = new M([[1, 2]]), list = List.of(1, 2), da = new Da(5), re = new Re('x', 'g'), u8 = new U8(3), st = new St('abc')`,
      'const mix = (Base) => class extends Base { mixed() { return 1 } }; class X extends mix(A) {}; var x = new X()',
      `function Old() { this.v = 1 } Old.prototype.get = function () { return this.v }; function Sub() { Old.call(this) }
      Sub.prototype = Object.create(Old.prototype, { constructor: { value: Sub, writable: true, configurable: true } })
      class Mod extends Sub { more() { return super.get() } } var mod = new Mod(), sub = new Sub()`,
      'class K { v() { return 1 } }; var k1 = new K(); class L extends K { w() { return super.v() } } var l1 = new L()',
      'class K { v() { return 2 } }; var k2 = new K()',
      'class K { v() { return 2 } }; var k3 = new K()',
      'var ns = { Base: class { b() { return 1 } } }; class Der extends ns.Base { c() { return super.b() } } var der = new Der()',
    ],
    skipped: { X: 'local-closure', x: 'local-closure' },
    same: [
      'b.a() + B.s()', 'm.two()', 'list.last()', 'da.getTime()', "re.test('x')", 'mod.more()', 'sub instanceof Old', 'k1.v() + k2.v() + l1.w()',
      'k2.constructor === k3.constructor', 'k1 instanceof K', 'l1 instanceof L', 'k3 instanceof K', 'der.c()',
    ], // prettier-ignore
  },
  'what code of classes changes when it runs again is put back': {
    cells: [
      `var log = [], o = {}; Object.defineProperty(o, 'x', { value: 1 }); Object.defineProperty(o, 'k', { get() { return 5 } })
      class S { static { log.push('ran'); globalThis.sideEffect = 1; o.y = 5 } static v = log.length; m() {} }
      var inst = new S(); Object.defineProperty(inst, 'z', { value: o }); Object.defineProperty(o, 'method', { value: S.prototype.m })`,
      "delete globalThis.sideEffect; log = ['kept']; delete o.y",
    ],
    same: ['log', 'typeof sideEffect', 'S.v', 'o.method === S.prototype.m', 'typeof o.y'],
  },
  'a class that cannot be defined any more is told of by the restore': {
    cells: [
      "var key = 'dyn'; class C { [key]() { return 1 } }; key = 'other'; var c = new C()",
      'class Base { b() { return 1 } } class Der extends Base {} var Alias = Base; Base = 5; var d = new Der()',
    ],
    lost: { C: 'evaluation-failed', c: 'evaluation-failed', Der: 'evaluation-failed', d: 'evaluation-failed' },
  },
  'TypeScript, top-level await, var in blocks, plain cells': {
    cells: [
      'enum Color { Red, Green = "g" }',
      'const typed = (x: number): string => String(x)',
      'class P { constructor(public q: number) {} }; const pp = new P(3)',
      `const v = await 1; let w = v + 1; function hf() { return hf2() } function hf2() { return v } class TC { m() { return v } static s = 1 }
      const ar = () => w; const ob = { m() { return w } }; { function inblk() { return 1 } let loc = 2; globalThis.cap = () => loc }`,
      'class Head extends (await Promise.resolve(TC)) {}',
      'if (1) { var vb = 1; let lb = 2; var fb = () => vb, gb = () => lb }',
      'pf = x => x + 1; po = [{ m() { return 77 } }][0]',
    ],
    skipped: { cap: 'local-closure', Head: 'local-closure', gb: 'local-closure' },
    same: ['Color.Green', 'typed(1) + pp.q', 'hf() + new TC().m() + ar() + ob.m() + inblk()', 'fb()', 'pf(1) + po.m()'],
  },
  'imports and what belongs to the process': {
    cells: [
      `import { EventEmitter } from 'node:events'; import * as pathNs from 'node:path'; import fsd, { readFileSync as rf } from 'node:fs'; const os = require('node:os')
      class EE extends EventEmitter { hi() { return 1 } }
      var ee = new EE(), params = new URLSearchParams('a=1'), signal = new AbortController().signal, weak = new WeakRef({}), blob = new Blob(['x'])
      var iterator = [1].values(), entries = new Map().keys(), helper = [1].values().map((x) => x), matches = 'a'.matchAll(/a/g)
      function args() { return arguments } const arg = args(1); const generator = (function* () {})(), dt = new Date(NaN)
      var native = Array.prototype.map, cons = console, gt = globalThis, proc = process, env = process.env, url = new URL('http://x/y')
      var proxy = new Proxy(() => 1, {}), timer = setTimeout(() => {}, 1e6); timer.unref(); var pending = new Promise(() => {})`,
    ],
    skipped: {
      ee: 'native-object', params: 'native-object', signal: 'native-object', weak: 'native-object', blob: 'native-object', iterator: 'native-object',
      entries: 'native-object', helper: 'native-object', matches: 'native-object', arg: 'native-object', generator: 'native-object',
      proxy: 'proxy', timer: 'open-handle', pending: 'pending-promise',
    }, // prettier-ignore
    same: [
      'rf === fsd.readFileSync && pathNs.sep',
      'typeof os.EOL',
      'EE.prototype.hi()',
      'native === Array.prototype.map && cons === console && gt === globalThis && proc === process',
    ],
  },
}

describe('what comes back', () => {
  let from: EngineProcess
  let to: EngineProcess
  let nothing: string
  beforeAll(async () => {
    ;[from, to] = await Promise.all([EngineProcess.start(), EngineProcess.start()])
    nothing = (await from.capture()).payload
  }, 30_000)
  afterAll(async () => {
    await Promise.all([from.stop(), to.stop()])
  })

  test.each(Object.entries(cases))('%s', async (_, each) => {
    // nothing is left of the one before
    expect((await from.restore(nothing)).kind).toBe('restored')
    expect((await from.capture()).report).toEqual([])
    await check(from, to, each)
  })
})

test('globals that were not declared, and those that cannot be carried over', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await check(from, to, {
    cells: [
      `globalThis.undeclared = { a: 1 }; Object.defineProperty(globalThis, 'getter', { get() { return 1 }, configurable: true })
      globalThis[Symbol('named')] = 1; navigator = 5; process = 7; Buffer = 3; console = { log() { return 'own' } }; fetch = () => 1
      Object.defineProperty(globalThis, 'fixed', { value: 5 })`,
      'class Map { own() { return 1 } }; const Set = { a: 1 }; Symbol = 5; Array.prototype.push = 6',
      'const length = 4, name = "n", _ = "mine"; let In = 3',
    ],
    skipped: {
      getter: 'native-object',
      '[Symbol(named)]': 'native-object',
      process: 'native-object',
      Buffer: 'native-object',
    },
    same: [
      'undeclared.a',
      'fetch()',
      'console.log()',
      'typeof navigator',
      'fixed',
      '_ + In + name + length',
      'new Map().own() + Set.a + Symbol',
    ],
  })
  expect((await to.capture()).report.some(({ status }) => status === 'skipped')).toBe(false)
})

test('a restore replaces all of the namespace, and puts globals back that cells had replaced', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.run('40 + 2')
  await from.run('var x = 1, y = 2, z = 3, max = Math.max')
  const { payload } = await from.capture()
  await to.run(`Object.defineProperty(globalThis, 'x', { value: 9 }); Object.defineProperty(globalThis, 'z', { value: 7, writable: true })
    function old1() {} var old2 = 1; Object.defineProperty(globalThis, 'old3', { value: 1 })
    Math.max = () => 'replaced'; console = 5; JSON = 6; class Map {}; const navigator = 1, fetch = 3, require = 4, _ = 't'; let In = 4; undefined`)
  const answer = await to.restore(payload)
  expect(answer.kind === 'restored' && skippedIn(answer.report)).toEqual({ x: 'frozen', old3: 'frozen' })
  expect(await to.value('[x, y, z, max(1, 2), typeof old1, typeof old2]')).toEqual([
    9,
    2,
    3,
    2,
    'undefined',
    'undefined',
  ])
  expect(await to.value('[typeof console.log, typeof navigator, typeof fetch, typeof require, new Map([[1, JSON.parse("2")]]).get(1), Out[1], In[1]]')).toEqual([
    'function', 'object', 'function', 'function', 2, 42, '40 + 2',
  ]) // prettier-ignore
  const again = await to.capture()
  expect(again.report.map(({ name }) => name)).toEqual(
    ['y', 'z', 'max', 'x', 'old3', 'Out[3]', 'Out[4]', '_', '__', '___'].filter((name) =>
      again.report.some((each) => each.name === name),
    ),
  )
})

test('a merge leaves what the snapshot does not name', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.run(
    'const a = { x: 1 }; function recursive(n) { return n ? recursive(n - 1) : "new" }; const timer = setTimeout(() => {}, 0)',
  )
  const { payload } = await from.capture()
  await to.run('let a = 5, b = 6, timer = "own"; function recursive() { return "old" }; "value"')
  expect((await to.restore(payload, 'merge')).kind).toBe('restored')
  expect(await to.value('[a.x, b, timer, recursive(2), Out[1]]')).toEqual([1, 6, 'own', 'new', 'value'])
  expect((await to.run('a = 1')).error?.message).toBe('Assignment to constant variable.')
})

test('the history comes back, but for what cannot', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  for (const cell of ['5', '({ a: 1 })', `Out['1.5'] = 'x'; Out[Infinity] = 2; 'h'`, 'class Q { #p }; new Q()'])
    await from.run(cell)
  const captured = await from.capture()
  expect(skippedIn(captured.report)).toEqual({ 'Out[4]': 'private-state', _: 'private-state' })
  expect((await to.restore(captured.payload)).kind).toBe('restored')
  expect(await to.value('[_, __, ___.a, Out[1], Out[3], In[2], Object.keys(Out)]')).toEqual([
    undefined, 'h', 1, 5, 'h', '({ a: 1 })', ['1', '2', '3'],
  ]) // prettier-ignore
  expect((await to.run('1')).cell).toBe(6)
})

test('long lists, deep nesting and long chains of prototypes', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await check(from, to, {
    cells: [
      'var list = null; for (let i = 0; i < 3e4; i++) list = { next: list, i }',
      'var nested = []; for (let i = 0; i < 2e4; i++) nested = [nested]',
      'var map = new Map(); for (let i = 0; i < 5000; i++) map = new Map([[1, map]])',
      'var chain = {}; for (let i = 0; i < 1000; i++) chain = Object.create(chain); chain.x = 1',
    ],
    same: ['(() => { let n = 0; for (let each = list; each; each = each.next) n++; return n })()'],
  })
  expect(await to.value('list.i')).toBe(29_999)
})

test('more than the limit is skipped, the rest is carried over', async () => {
  const engine = await startEngine()
  await engine.run(`const fan = Array(5000).fill('x'.repeat(1e6)), sparse = new Array(2**32 - 1), small = 1; undefined`)
  const { report, payload } = await engine.capture(1024 * 1024)
  expect(skippedIn(report)).toEqual({ fan: 'too-large' })
  expect(payload.length).toBeLessThan(10_000)
  await engine.run(
    `const keys = {}; for (let i = 0; i < 20_000; i++) keys['key number ' + i] = 0; const source = '${'x'.repeat(50_000)}'; undefined`,
  )
  const small = await engine.capture(100_000)
  expect(skippedIn(small.report)).toMatchObject({ keys: 'too-large', In: 'too-large' })
  expect(Buffer.from(small.payload, 'base64').length).toBeLessThan(110_000)
})

const values = `var a = [1, { b: 2, name: 3, toString: 4 }, new Map([[1, 2]])], f = () => 1; class A { static x = 1; m() { return 1 } } var i = new A()
  var holes = [1, , 2], e = new Error('x'), re = /x/g, u8 = new Uint8Array([1, 2]), g = { get x() { return 1 } }, d = new Date(1), s = new Set([1])
  var described = Object.defineProperty({}, 'q', { value: 1 }), url = new URL('http://a/'), text = new String('abc')`
const poison = `Array.prototype.push = Array.prototype.map = Array.prototype.filter = function () { throw 1 }
  Map.prototype.forEach = Map.prototype.get = Map.prototype.set = Map.prototype.clear = () => { throw 2 }
  Array.prototype[Symbol.iterator] = function* () { yield 'p' }; Function.prototype.toString = () => 'x'; Date.prototype.getTime = () => 5
  Object.prototype.toJSON = String.prototype.toJSON = Array.prototype.toJSON = () => 'hacked'
  Error.prepareStackTrace = () => { globalThis.hacked = 1; return 5 }
  Object.defineProperty(Object.prototype, 'b', { set(v) { globalThis.hacked = v }, get() { return 5 }, configurable: true })
  JSON = Set = Symbol = Date = RegExp = URL = ArrayBuffer = null; Object.keys = Reflect.ownKeys = Object.create = Promise.resolve = null
  Object.getPrototypeOf(Uint8Array.prototype).set = Buffer.from = null; Object.prototype.get = () => 9; undefined`

test('a poisoned realm is captured as it is', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.run(values)
  const names = ['a', 'f', 'A', 'i', 'holes', 'e', 're', 'g', 'd', 's', 'described', 'url', 'text']
  const before = await from.describe(names)
  await from.run(poison)
  const captured = await from.capture()
  expect(skippedIn(captured.report)).toEqual({})
  expect((await to.restore(captured.payload)).kind).toBe('restored')
  expect(await to.describe(names)).toBe(before)
  expect(await from.value('typeof hacked')).toBe('undefined')
})

test('a snapshot is restored into a poisoned realm', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.run(values)
  const { payload } = await from.capture()
  const names = ['a', 'f', 'A', 'i', 'holes', 'e', 're', 'g', 's', 'described', 'text']
  await to.run(poison)
  const answer = await to.restore(payload, 'merge')
  expect(answer.kind === 'restored' && skippedIn(answer.report)).toEqual({})
  expect(await to.describe(names)).toBe(await from.describe(names))
  expect(await to.value('typeof hacked')).toBe('undefined')
})

test('frozen prototypes of the language do not get in the way', async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.run(
    'var a = { toString: 1, constructor: 2, name: 3 }, b = [1, 2]; class A { toString() { return 1 } }; var i = new A(); i.own = 5; undefined',
  )
  await to.run('Object.freeze(Object.prototype); Object.freeze(Array.prototype); undefined')
  const { payload } = await from.capture()
  expect((await to.restore(payload)).kind).toBe('restored')
  expect(await to.describe(['a', 'b', 'A', 'i'])).toBe(await from.describe(['a', 'b', 'A', 'i']))
})
