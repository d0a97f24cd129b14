import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createCellRunner } from './cell-runner.ts'

/** A cell and what it gives: a value as `inspect` writes it, or `!Name: message` for what it throws. */
type Step = readonly [source: string, expected: string]
type Scenario = readonly [title: string, ...steps: Step[]]

const constant = '!TypeError: Assignment to constant variable.'

const declarations: Scenario[] = [
  ['a const persists', ['const x = 1', 'undefined'], ['x + 1', '2']],
  ['a let persists', ['let x = 1', 'undefined'], ['x += 1', '2'], ['x', '2']],
  ['a class persists', ['class A { m() { return 1 } }', 'undefined'], ['new A().m()', '1'], ['A.name', "'A'"]],
  ['a function persists', ['function f() { return 1 }', 'undefined'], ['f()', '1']],
  ['a function is hoisted', ['f(); function f() { return 1 }', '1']],
  ['a const becomes a let', ['const x = 1', 'undefined'], ['let x = 2', 'undefined'], ['x = 3', '3']],
  ['a let becomes a function', ['let x = 1', 'undefined'], ['function x() { return 4 }', 'undefined'], ['x()', '4']],
  [
    'a function becomes a class',
    ['function x() {}', 'undefined'],
    ['class x {}', 'undefined'],
    ['typeof new x()', "'object'"],
  ],
  ['a class becomes a var', ['class x {}', 'undefined'], ['var x = 5', 'undefined'], ['x', '5']],
  ['a var becomes a const', ['var x = 1', 'undefined'], ['const x = 2', 'undefined'], ['x = 3', constant]],
  ['a const is declared again as itself', ['const x = 1', 'undefined'], ['const x = 2; x', '2']],
  ['a let without a value is undefined again', ['let x = 1', 'undefined'], ['let x; x', 'undefined']],
  ['a var without a value keeps the old one', ['var x = 1', 'undefined'], ['var x; x', '1']],
  [
    'one declaration declares several names',
    ['let a = 1, b, c = a + 1', 'undefined'],
    ['[a, b, c]', '[ 1, undefined, 2 ]'],
  ],
  [
    'an object pattern',
    ['const { a, b: { c = 3 } = {}, ...rest } = { a: 1, d: 4 }', 'undefined'],
    ['[a, c, rest]', '[ 1, 3, { d: 4 } ]'],
  ],
  [
    'an array pattern',
    ['let [a, , b = 2, ...c] = [1, 0, undefined, 3]', 'undefined'],
    ['[a, b, c]', '[ 1, 2, [ 3 ] ]'],
  ],
  ['a computed key', ['const key = "p"', 'undefined'], ['const { [key]: v } = { p: 1 }; v', '1']],
  [
    'closures see later values',
    ['let n = 1; const get = () => n', 'undefined'],
    ['n = 2; get()', '2'],
    ['let n = 3; get()', '3'],
  ],
  [
    'closures see later functions',
    ['function f() { return g() }\nfunction g() { return 1 }', 'undefined'],
    ['function g() { return 2 }', 'undefined'],
    ['f()', '2'],
  ],
  [
    'a cell that throws keeps what it made',
    ['let a = 1; null.x; let b = 2', '!TypeError'],
    ['a', '1'],
    ['b', 'undefined'],
  ],
  ['a name whose initialiser threw is free', ['const x = null.y', '!TypeError'], ['const x = 1; x', '1']],
  ['shadowing in a block stays in the block', ['let x = 1; { let x = 2; x }', '2'], ['x', '1']],
  ['shadowing in a function stays there', ['const x = 1; (function (x) { x = 5; return x })(2)', '5'], ['x', '1']],
  ['anonymous functions get their name', ['const f = () => {}, A = class {}; [f.name, A.name]', "[ 'f', 'A' ]"]],
  ['names may be any letters', ['const ünïcode_π = 1, $_ = 2', 'undefined'], ['ünïcode_π + $_', '3']],
  ['names may be escaped', ['let \\u0061b = 1', 'undefined'], ['ab', '1'], ['let c\\u{64} = 2; cd', '2']],
  ['let is a name in sloppy code', ['var let = 1; let + 1', '2']],
  [
    'a class with everything',
    [
      'class A { #p = 1; static s = 2; static { this.t = A.s + 1 } get p() { return this.#p } static async *g() {} }',
      'undefined',
    ],
    ['[new A().p, A.s, A.t]', '[ 1, 2, 3 ]'],
  ],
  [
    'a class extends an earlier one',
    ['class A { f() { return 1 } }', 'undefined'],
    ['class B extends A { f() { return super.f() + 1 } }; new B().f()', '2'],
  ],
  ['functions in blocks are seen outside', ['{ function inner() { return 1 } } 5', '5'], ['inner()', '1']],
  [
    'strict cells keep functions in their block',
    ['"use strict"; { function inside() {} } typeof inside', "'undefined'"],
  ],
]

const constants: Scenario[] = [
  ['assigning an earlier constant', ['const x = 1', 'undefined'], ['x = 2', constant], ['x', '1']],
  ['assigning in the same cell', ['const x = 1; x = 2', constant]],
  ['the right side runs first', ['const x = 1; let ran = 0', 'undefined'], ['x = ran = 5', constant], ['ran', '5']],
  ['a compound assignment', ['const x = 1', 'undefined'], ['x += 1', constant], ['x **= 2', constant]],
  [
    'logical assignments that do not assign',
    ['const x = 1', 'undefined'],
    ['x ||= 2', '1'],
    ['x ??= 2', '1'],
    ['x &&= 2', constant],
  ],
  ['increments', ['const x = 1', 'undefined'], ['x++', constant], ['--x', constant]],
  [
    'patterns',
    ['const x = 1; let y', 'undefined'],
    ['[y, x] = [5, 6]', constant],
    ['y', '5'],
    ['({ x } = { x: 1 })', constant],
    ['({ a: x = 1 } = {})', constant],
  ],
  [
    'loop heads',
    ['const x = 1', 'undefined'],
    ['for (x of [1]);', constant],
    ['for (x in { a: 1 });', constant],
    ['for (x of []) ;', 'undefined'],
  ],
  ['in closures', ['const x = 1; const set = () => { x = 2 }', 'undefined'], ['set()', constant]],
  [
    'in closures of later cells',
    ['const x = 1', 'undefined'],
    ['function set() { x = 2 }', 'undefined'],
    ['set()', constant],
  ],
  [
    'a local of that name is free',
    ['const x = 1', 'undefined'],
    ['{ let x = 1; x = 2 }', '2'],
    ['((x) => (x = 3))()', '3'],
  ],
  ['a new declaration frees the name', ['const x = 1', 'undefined'], ['let x = 2; x = 3', '3'], ['x = 4', '4']],
  ['imports are constant', ['import { sep } from "node:path"', 'undefined'], ['sep = 1', constant]],
  ['reading before the declaration', ['x; let x = 1', "!ReferenceError: Cannot access 'x' before initialization"]],
  [
    'typeof before the declaration',
    ['typeof x; const x = 1', "!ReferenceError: Cannot access 'x' before initialization"],
  ],
  ['assigning before the declaration', ['x = 1; let x', "!ReferenceError: Cannot access 'x' before initialization"]],
  [
    'an initialiser that reads its own name',
    ['let x = 1', 'undefined'],
    ['let x = x + 1', "!ReferenceError: Cannot access 'x' before initialization"],
    ['x', '1'],
  ],
  ['a default that reads an earlier name of the pattern', ['const { a, b = a } = { a: 1 }; b', '1']],
  [
    'a default that reads a later one',
    ['const { a = b, b } = {}', "!ReferenceError: Cannot access 'b' before initialization"],
  ],
  [
    'a class before its declaration',
    ['new A(); class A {}', "!ReferenceError: Cannot access 'A' before initialization"],
  ],
  ['a closure made before the declaration', ['const get = () => x; let x = 1; get()', '1']],
]

const completions: Scenario[] = [
  [
    'expressions',
    ['1; 2', '2'],
    ['"a"', "'a'"],
    ['', 'undefined'],
    ['// nothing', 'undefined'],
    ['/* nothing */', 'undefined'],
  ],
  [
    'declarations give nothing',
    ['5; let x = 1', '5'],
    ['5; function f() {}', '5'],
    ['5; class A {}', '5'],
    ['let y = 1', 'undefined'],
  ],
  ['if', ['if (1) { 5 }', '5'], ['5; if (0) 1', 'undefined'], ['if (0) 1; else 2', '2']],
  [
    'loops',
    ['for (let i = 0; i < 3; i++) i', '2'],
    ['5; for (const x of []) ;', 'undefined'],
    ['do 7; while (0)', '7'],
    ['5; while (0);', 'undefined'],
  ],
  ['switch', ['switch (1) { case 1: 8 }', '8'], ['switch (2) { case 1: 8; break; default: 9 }', '9']],
  [
    'try',
    ['try { 4 } finally { 9 }', '4'],
    ['try { throw 1 } catch (e) { e + 1 }', '2'],
    ['5; try { } catch { }', 'undefined'],
  ],
  ['blocks and labels', ['5; {}', '5'], ['l: { 3; break l }', '3'], ['5; l: { break l }', '5']],
  [
    'breaks',
    ['for (;;) { 1; break }', '1'],
    ['do { 2; continue; } while (0)', '2'],
    ['for (const x of [1]) { try { 3 } finally { break } }', 'undefined'],
  ],
  [
    'objects',
    ['{ a: 1 }', '{ a: 1 }'],
    ['{}', '{}'],
    ['{ a: 1 }.a', '1'],
    ['{ a: 1 };', '1'],
    ['{ "x": 1, ...{ y: 2 } } // end', '{ x: 1, y: 2 }'],
    ['{ let q = 1; q }', '1'],
  ],
  [
    'functions',
    ['(function () {}).name', "''"],
    ['() => 1', '[Function (anonymous)]'],
    ['class {}', '!SyntaxError'],
    ['(class {})', '[class (anonymous)]'],
  ],
  ['promises stay promises', ['Promise.resolve(3)', 'Promise { 3 }'], ['await 0; Promise.resolve(3)', 'Promise { 3 }']],
  [
    'asynchronous cells give the same',
    ['await 0; if (0) 1', 'undefined'],
    ['await 0; for (let i = 0; i < 3; i++) i', '2'],
    ['await 0; try { 4 } finally { 9 }', '4'],
    ['await 0; l: { 3; break l }', '3'],
    ['await 0; switch (1) { case 1: 8 }', '8'],
    ['await 5; let y = 1', '5'],
    ['await 0; () => 1', '[Function (anonymous)]'],
  ],
]

const asynchronous: Scenario[] = [
  ['await', ['await 3', '3'], ['(await 1) + (await 2)', '3']],
  [
    'declarations after an await',
    ['const x = await 1; let y = x + 1; class A {}; var v', 'undefined'],
    ['[x, y, typeof A, v]', "[ 1, 2, 'function', undefined ]"],
  ],
  ['patterns of what is awaited', ['const { a, b: [c] } = await { a: 1, b: [2] }', 'undefined'], ['a + c', '3']],
  [
    'functions are hoisted',
    ['const r = f(); await 0; function f() { return 1 }; r', '1'],
    ['f()', '1'],
    ['f.name', "'f'"],
  ],
  [
    'a function that calls itself sees its successor',
    ['await 0; function f(n) { return n === 0 ? "old" : f(n - 1) }\nconst old = f', '0'],
    ['function f() { return "new" }', 'undefined'],
    ['[old(0), old(1)]', "[ 'old', 'new' ]"],
  ],
  [
    'async and generator functions',
    ['await 0; async function a() { return await 1 }\nfunction* g() { yield 2 }\nawait a() + [...g()][0]', '3'],
  ],
  [
    'var in blocks and loops',
    ['await 0; for (var i = 0; i < 2; i++) { var last = i } if (1) var once = 5', 'undefined'],
    ['[i, last, once]', '[ 2, 1, 5 ]'],
  ],
  [
    'var in for of and for in',
    ['await 0; for (var [k, v] of [[1, 2]]); for (var p in { q: 1 });', 'undefined'],
    ['[k, v, p]', "[ 1, 2, 'q' ]"],
  ],
  ['block functions', ['await 0; { function inner() { return 1 } }', '0'], ['inner()', '1']],
  [
    'functions in switch and if',
    ['await 0; switch (1) { case 1: function s() { return 1 } } if (1) function i() { return 2 }', 'undefined'],
    ['s() + i()', '3'],
  ],
  [
    'for await',
    ['let sum = 0; for await (const x of [1, Promise.resolve(2)]) sum += x', '3'],
    ['async function* g() { yield 4 } for await (const x of g()) x', '4'],
  ],
  [
    'await in nested functions',
    ['const f = async () => { for await (const x of [1]) return (await x) + 1 }', 'undefined'],
    ['await f()', '2'],
  ],
  [
    'a throw half-way',
    ['const a = await 1; await Promise.reject(new RangeError("no")); const b = 2', '!RangeError: no'],
    ['a', '1'],
    ['const b = 3; b', '3'],
  ],
  [
    'strict',
    ['"use strict"\nawait 0; undeclared = 1', '!ReferenceError: undeclared is not defined'],
    ['"use strict"; await 0; (function () { return this })()', 'undefined'],
  ],
  ['this is the global object', ['this === globalThis', 'true'], ['await 0; this === globalThis', 'true']],
  ['constants', ['const x = await 1', 'undefined'], ['x = await 2', constant], ['await 0; x++', constant]],
  [
    'using lasts as long as the cell',
    ['const log = []; using u = { [Symbol.dispose]() { log.push("gone") } }; log.push("used")', '1'],
    ['log', "[ 'used', 'gone' ]"],
    ['typeof u', "'object'"],
  ],
  [
    'await using too',
    ['const log = []; await using u = { async [Symbol.asyncDispose]() { log.push("gone") } }; log.push("used")', '1'],
    ['log', "[ 'used', 'gone' ]"],
  ],
  ["using in a block is V8's", ['const log = []; { using u = { [Symbol.dispose]() { log.push(1) } } } log', '[ 1 ]']],
  [
    'line breaks end statements',
    ['let n = 1\nawait n++\n;[0].length', '1'],
    ['let a\n[1].length', '1'],
    ['await 0\nlet f = () => {}\n[1].length', '1'],
  ],
]

const modules: Scenario[] = [
  ['a default import', ['import path from "node:path"', 'undefined'], ['path.sep', "'/'"]],
  ['named imports', ['import { sep, basename as base } from "node:path"; base("/a/b") + sep', "'b/'"]],
  ['a namespace', ['import * as path from "node:path"; typeof path.join', "'function'"]],
  [
    'a mix and string names',
    [
      'import def, * as all from "node:path"; import { "sep" as s } from "node:path"; [def === all.default, s]',
      "[ true, '/' ]",
    ],
  ],
  ['a side effect', ['import "node:path"', 'undefined'], ['import "./no-such-file.js"', '!Error']],
  ['attributes', ['import json from "../package.json" with { type: "json" }; json.name', "'@capsule/namespace'"]],
  ['imports are hoisted', ['const s = sep; import { sep } from "node:path"; s', "'/'"]],
  [
    'a missing name',
    [
      'import { nope } from "node:path"',
      "!SyntaxError: The requested module 'node:path' does not provide an export named 'nope'",
    ],
  ],
  ['dynamic import', ['const { sep } = await import("node:path"); sep', "'/'"]],
  [
    'import.meta',
    ['import.meta.filename.endsWith("/cell.js")', 'true'],
    ['new import.meta.constructor() instanceof Object', 'false'],
  ],
  [
    'exported declarations',
    ['export const x = 1; export function f() { return 2 } export class A {}', 'undefined'],
    ['[x, f(), typeof A]', "[ 1, 2, 'function' ]"],
  ],
  [
    'export default',
    ['export default 5', '5'],
    ['export default { a: 1 }', '{ a: 1 }'],
    ['export default function named() {}', 'undefined'],
    ['typeof named', "'function'"],
    ['export default () => 1', '[Function (anonymous)]'],
  ],
  [
    'export lists',
    ['const x = 1; export { x, x as y }', 'undefined'],
    ['export * from "node:path"; 5', '5'],
    ['export { sep } from "node:path"', 'undefined'],
    ['typeof sep', "'undefined'"],
  ],
]

const text: Scenario[] = [
  ['a hashbang', ['#!/usr/bin/env node\nconst x = 1; x', '1'], ['#!/usr/bin/env node\nawait 1', '1']],
  [
    'comments at the end',
    ['const x = 1; x // end', '1'],
    ['await 1 // end', '1'],
    ['await 2 /* end */', '2'],
    ['await 3 <!-- end', '3'],
    ['await 4\n--> end', '4'],
  ],
  [
    'no semicolons',
    ['const x = 1\nlet y = 2\nx + y', '3'],
    ['const a = 1\n;[a].map(String)', "[ '1' ]"],
    ['const b = 1\n[1].map', '!TypeError'],
    ['class A {}\n(1)', '1'],
    ['await 0\nclass B {}\n[2][0]', '2'],
  ],
  ['no line break at the end', ['const f = function () { return 1 }', 'undefined'], ['f()', '1']],
  ['expressions or divisions', ['const g = 2; const r = 4 /g; /g/.test("g") && r', '2']],
  ['templates', ['const n = 1; `${`<${n}>`}${await 2}`', "'<1>2'"]],
  ['numbers', ['const big = 1_000n; big * 2n', '2000n']],
  ['optional chains', ['const o = { f: null }; o?.f?.(1) ?? o.x?.[0]', 'undefined']],
  ['getters and symbols', ['const o = { get a() { return 1 }, async *[Symbol.iterator]() {}, "b c": 2 }; o.a', '1']],
  [
    'directives',
    ['"use strict"', "'use strict'"],
    ['"use strict"; let x = 1; delete this.y', 'true'],
    ['"use strict"; x9 = 1', '!ReferenceError: x9 is not defined'],
    ['"use strict"; var a = await 1', "'use strict'"],
  ],
  [
    'what stays an error',
    ['return 1', '!SyntaxError: Illegal return statement'],
    ['await 0; return 1', '!SyntaxError: Illegal return statement'],
    ['new.target', '!SyntaxError'],
    ['await 0; new.target', '!SyntaxError'],
    ['arguments', '!ReferenceError: arguments is not defined'],
    ['await 0; arguments', '!ReferenceError: arguments is not defined'],
    ['let a; let a', "!SyntaxError: Identifier 'a' has already been declared"],
  ],
  [
    'imports only at the top',
    ['if (1) { import "fs" }', '!SyntaxError'],
    ['import defer * as x from "fs"', "!SyntaxError: 'import defer' is not supported in cells"],
    ['import source x from "fs"', "!SyntaxError: 'import source' is not supported in cells"],
  ],
  ['a name await of old scripts', ['var await = 1; await', '1']],
]

const typescript: Scenario[] = [
  [
    'annotations',
    ['const x: number = 1; function f<T>(a: T, b?: string): T { return a }', 'undefined'],
    ['f<number>(x) as number', '1'],
  ],
  [
    'interfaces and types',
    ['interface I { a: string }\ntype T = I | null\nconst i = { a: "1" } satisfies I; i.a!', "'1'"],
  ],
  [
    'types of imports and exports',
    [
      'import type { Stats } from "node:fs"; import { type PathLike, sep } from "node:path"; export type Q = 1; sep as string',
      "'/'",
    ],
  ],
  ['generic arrows', ['const id = <T,>(x: T): T => x; id(2)', '2']],
  ['enums', ['enum Color { Red, Green = "g" } Color.Green', "'g'"], ['Color.Red', '0']],
  ['an enum anew', ['enum E { A, B }', 'undefined'], ['enum E { C } Object.keys(E)', "[ '0', 'C' ]"]],
  ['one enum in two parts', ['enum E { A } enum E { B = 1 } Object.keys(E)', "[ '0', '1', 'A', 'B' ]"]],
  ['namespaces', ['namespace N { export const a = 1 } N.a', '1'], ['N.a', '1']],
  [
    'parameter properties',
    ['class P { constructor(private x: number, readonly y = 2) {} sum() { return this.x + this.y } }', 'undefined'],
    ['new P(1).sum()', '3'],
  ],
  ['assertions in angles', ['let w = <any>5; w', '5']],
  ['with await', ['const x: number = await 1; x', '1'], ['enum E { A = 3 } const e: E = await E.A; e', '3']],
  [
    'abstract and declared members',
    ['abstract class A { abstract m(): void; declare z: number; y!: string }\ntypeof A', "'function'"],
  ],
  ['constants', ['const x: number = 1', 'undefined'], ['x = 2 as number', constant]],
]

const groups = { declarations, constants, completions, asynchronous, modules, text, typescript }

describe.each(Object.entries(groups))('%s', (_, scenarios) => {
  it.each(scenarios.map(([title, ...steps]) => ({ title, steps })))('$title', async ({ steps }) => {
    const runner = createCellRunner()
    for (const [source, expected] of steps) {
      let result: string
      try {
        result = inspect((await runner.run(source)).v)
      } catch (error) {
        const { name, message } = error as Error
        result = expected.includes(':') ? `!${name}: ${message}` : `!${name}`
      }
      expect({ source, result }).toEqual({ source, result: expected })
    }
  })
})

it('has scenarios enough', () => {
  expect(Object.values(groups).flat().length).toBeGreaterThan(80)
})
