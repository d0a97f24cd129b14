import { Script } from 'node:vm'
import { expect, it } from 'vitest'
import { compileCell } from './compile.ts'

type Tree = readonly unknown[]

/** Runs JSX with a `createElement` that returns its arguments. */
function render(source: string, language: 'jsx' | 'tsx' = 'jsx'): Tree {
  const { code } = compileCell(source, { filename: '/cells/cell-1.js', language, isConst: () => false })
  const run = new Script(
    `(function (React, h, Button, ui, x) { return eval(${JSON.stringify(code)}) })`,
  ).runInThisContext() as (...scope: unknown[]) => Tree
  const element = (...parts: unknown[]): Tree => parts
  return run({ createElement: element, Fragment: 'fragment' }, element, 'Button', { button: 'ui.button' }, { a: 1 })
}

it.each<[source: string, tree: Tree]>([
  ['<div/>', ['div', null]],
  ['<div></div>', ['div', null]],
  ['<Button a="1" b={2} c data-d="&lt;e" {...x} />', ['Button', { a: 1, b: 2, c: true, 'data-d': '<e' }]],
  ['<ui.button>hi {"you"}!</ui.button>', ['ui.button', null, 'hi ', 'you', '!']],
  ['<><b/>{/* nothing */}{1}</>', ['fragment', null, ['b', null], 1]],
  ['<p>\n  two\n  lines {1}\n</p>', ['p', null, 'two lines ', 1]],
  [
    '<a b=<i/> c={(1, 2)}>{[1].map((n) => <li key={n}>{n}</li>)}</a>',
    ['a', { b: ['i', null], c: 2 }, [['li', { key: 1 }, 1]]],
  ],
  ['/** @jsx h */ <svg:path/>', ['svg:path', null]],
])('%s', (source, tree) => {
  expect(render(source)).toEqual(tree)
})

it('keeps lines and columns of what stands in braces', () => {
  const source = 'const a = <div\n  id="x"\n>\n  text\n  {boom()}\n</div>'
  const { code, toSource } = compileCell(source, { filename: '/c.js', language: 'jsx', isConst: () => false })
  const lines = code.split('\n')
  expect(lines).toHaveLength(source.split('\n').length)
  const line = lines.findIndex((each) => each.includes('boom')) + 1
  expect(toSource(line, (lines[line - 1]?.indexOf('boom') ?? 0) + 1)).toEqual({ line: 5, column: 4 })
})

it('takes types and JSX together', () => {
  expect(render('const n: number = 1; <b k={n as any}>{n!}</b>', 'tsx')).toEqual(['b', { k: 1 }, 1])
  expect(render('enum E { A = 5 } <b>{E.A}</b>', 'tsx')).toEqual(['b', null, 5])
})
