import { Script } from 'node:vm'
import { expect, test } from 'vitest'
import { compileCell } from './compile/compile.ts'
import { toSourceError } from './source-error.ts'

function failure(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

const compile = (source: string) =>
  compileCell(source, { filename: '/cell-1.js', language: 'js', isConst: () => false })

test.each([
  ['the compiler', compile],
  ['V8', (source: string) => new Script(source, { filename: '/a b/cell-1.js' })],
])('points at the place that %s names', (_, refuse) => {
  const source = 'let a\n\tlet b = = 1'
  const error = failure(() => refuse(source))
  expect(toSourceError(error, { source, name: 'cell-1.js' })).toMatchObject({
    name: 'SyntaxError',
    line: 2,
    column: 10,
    stack: expect.stringMatching(/^cell-1\.js:2\n\tlet b = = 1\n\t {8}\^\n\nSyntaxError: .*\n {4}at cell-1\.js:2:10$/),
  })
})

test('of a long line, shows what is around the place', () => {
  const source = `${'a;'.repeat(300)}let = = 1;${'b;'.repeat(5000)}`
  const { stack } = toSourceError(
    failure(() => compile(source)),
    { source, name: 'cell-1.js' },
  )
  const [, excerpt = '', caret = ''] = stack?.split('\n') ?? []
  expect(excerpt).toHaveLength(120)
  expect(excerpt.slice(caret.length - 1)).toMatch(/^= 1;/)
})

test('says what it knows of an error without a place', () => {
  expect(toSourceError(new Error('compiler broke'), { source: '1', name: 'cell-1.js' })).toEqual({
    name: 'Error',
    message: 'compiler broke',
    stack: 'Error: compiler broke',
  })
})
