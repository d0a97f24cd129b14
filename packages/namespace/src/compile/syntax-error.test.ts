import { expect, it } from 'vitest'
import { compileCell, type CompileOptions } from './compile.ts'
import { CellSyntaxError } from './syntax-error.ts'

function refuse(source: string, language: CompileOptions['language'] = 'auto'): CellSyntaxError {
  try {
    compileCell(source, { filename: '/cells/cell-1.js', language, isConst: () => false })
  } catch (error) {
    if (error instanceof CellSyntaxError) return error
    throw error
  }
  throw new Error(`compiles: ${source}`)
}

it.each([
  ['foo(', 'Unexpected end of input', 1, 5],
  ['let x = 1\nlet y = = 2', "Unexpected token '='", 2, 9],
  ['let a\nlet a', "Identifier 'a' has already been declared", 2, 5],
  ['return 5', 'Illegal return statement', 1, 1],
  ['await 0;\n  return 5', 'Illegal return statement', 2, 3],
  ['await 1; let = = 3', "Unexpected token '='", 1, 16],
  ['const x;', 'Missing initializer in const declaration', 1, 7],
  ['import { a from "b"', "Unexpected token 'from'", 1, 12],
  ['"abc', 'Invalid or unexpected token', 1, 1],
  ['\t\tfoo bar', "Unexpected identifier 'bar'", 1, 7],
])('says of %j what V8 says, and where', (source, message, line, column) => {
  const { name, ...error } = refuse(source, 'js')
  expect({ name, ...error, message: refuse(source, 'js').message }).toMatchObject({
    name: 'SyntaxError',
    message,
    line,
    column,
  })
})

it('draws the line and a caret', () => {
  expect(refuse('1\n\tfoo bar').frame).toBe('\tfoo bar\n\t    ^')
})

it('reports the reading that got further, JavaScript or TypeScript', () => {
  expect(refuse('const x: number = 1\nconst y: = 2')).toMatchObject({ line: 2, column: 10 })
  expect(refuse('const x = 1\nlet y = = 2').message).toBe("Unexpected token '='")
})

it('names the place of what amaro refuses', () => {
  expect(refuse('enum E { A }\nconst y: = 2', 'ts')).toMatchObject({ line: 2, column: 10 })
})

it('names the place in JSX', () => {
  expect(refuse('const a = 1\nconst b = <div></span>', 'jsx')).toMatchObject({ line: 2 })
})
