import { expect, it } from 'vitest'
import { compileCell, type CompiledCell, type CompileOptions } from './compile.ts'

function compile(source: string, options: Partial<CompileOptions> = {}): CompiledCell {
  return compileCell(source, { filename: '/cells/cell-1.js', language: 'auto', isConst: () => false, ...options })
}

/** Where a piece of the code stands, and where its place in the source is. */
function mapped(cell: CompiledCell, piece: string): { line: number; column: number } {
  const before = cell.code.slice(0, cell.code.indexOf(piece)).split('\n')
  return cell.toSource(before.length, (before.at(-1)?.length ?? 0) + 1)
}

it('leaves plain code as it is', () => {
  expect(compile('1 + 1').code).toBe('1 + 1')
  expect(compile('f(x) // \u{1F600}').toSource(1, 3)).toEqual({ line: 1, column: 3 })
})

it('lists what a cell declares, in order, with the text of functions and classes', () => {
  const source = `import d, { x as y } from 'm'
const a = () => 1, { b, c: [e] } = o
let f = function named() {}
class A { m() {} }
async function g() {}
if (1) { var v = 1; function inner() {} }
export const z = class {}
using u = r
var a2 = 1; var a2 = function () {}`
  expect(compile(source).declarations).toEqual([
    { name: 'd', kind: 'import' },
    { name: 'y', kind: 'import' },
    { name: 'a', kind: 'const', source: '() => 1' },
    { name: 'b', kind: 'const' },
    { name: 'e', kind: 'const' },
    { name: 'f', kind: 'let', source: 'function named() {}' },
    { name: 'A', kind: 'class', source: 'class A { m() {} }' },
    { name: 'g', kind: 'function', source: 'async function g() {}' },
    { name: 'v', kind: 'var' },
    { name: 'z', kind: 'const', source: 'class {}' },
    { name: 'u', kind: 'const' },
    { name: 'a2', kind: 'var', source: 'function () {}' },
    { name: 'inner', kind: 'function', source: 'function inner() {}' },
  ])
})

it('strips types from the captured text', () => {
  expect(compile('const f = (x: number): number => x').declarations[0]?.source?.replaceAll(' ', '')).toBe('(x)=>x')
})

it('keeps columns where only a keyword changes', () => {
  expect(compile('const x = 1; oops').toSource(1, 14)).toEqual({ line: 1, column: 14 })
})

it.each([
  ['await first(); second(await third)', 'third', 1, 29],
  ['await 0\n  const { a } = boom()', 'boom', 2, 17],
  ['await 0\nclass A { static x = boom }', 'boom', 2, 22],
  ['const k = 1; k = boom()', 'boom', 1, 18],
  ['import a from "b"; import c from "d"\n/* two\nlines */ boom()', 'boom', 3, 10],
  ['const x: number = 1\nlet y: string = boom()', 'boom', 2, 17],
  ['enum E { A }\n\nconst f = (x: number) => boom(x)', 'boom', 3, 26],
])('maps a place in the code of %j back', (source, piece, line, column) => {
  expect(mapped(compile(source), piece)).toEqual({ line, column })
})

it('keeps the number of lines', () => {
  const source = `import {\n  a,\n  b\n} from 'c'\nexport {\n  a\n}\nexport\ndefault\n5\nawait\n1`
  expect(compile(source).code.split('\n').length).toBe(source.split('\n').length)
})

it('replaces every await, also in nested functions, and only awaits', () => {
  const { code } = compile('async function f(x) { for await (const y of (x)) await (y, 1); return "await" } // await')
  expect(code).toContain('of __capsule__.waitEach( (x)))')
  expect(code).toContain('await __capsule__.wait( (y, 1));')
  expect(code.match(/__capsule__/g)).toHaveLength(2)
})

it('runs what only V8 understands as it was written', () => {
  const cell = compile('var await = 1; let x = await')
  expect(cell).toMatchObject({ code: 'var await = 1; let x = await', mode: 'unknown', declarations: [] })
})

it('tells the language it found', () => {
  expect(compile('1').language).toBe('js')
  expect(compile('const x: 1 = 1').language).toBe('ts')
  expect(compile('1', { language: 'ts' }).language).toBe('ts')
  expect(compile('<a/>', { language: 'jsx' }).language).toBe('jsx')
})

it('loads amaro only for what cannot be stripped', () => {
  const loadAmaro = () => {
    throw new Error('loaded')
  }
  expect(compile('const x: number = 1', { loadAmaro }).code).toContain('=')
  expect(() => compile('enum E {}', { loadAmaro })).toThrow('loaded')
})
