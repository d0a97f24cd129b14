import { expect, test } from 'vitest'
import { toWireError } from './to-wire-error.ts'

test('an error without a cell in its stack has no place', () => {
  const wire = toWireError(new RangeError('no'))
  expect(wire).toMatchObject({ name: 'RangeError', message: 'no' })
  expect(wire).not.toHaveProperty('line')
})

test('a message that looks like a frame is no frame', () => {
  const error = new Error('first\n    at fake (/cell-1.js:9:9)')
  error.stack = `Error: ${error.message}\n    at real (/cell-1.js:1:1)`
  const find = () => ({ name: 'cell-1.js', toSource: (line: number, column: number) => ({ line, column }) })
  expect(toWireError(error, { find })).toMatchObject({
    line: 1,
    column: 1,
    stack: expect.stringMatching(/real \(cell-1/),
  })
})

test('nested AggregateErrors stay within one budget', () => {
  const nest = (depth: number): Error =>
    depth === 0
      ? new Error('leaf')
      : new AggregateError(
          Array.from({ length: 20 }, () => nest(depth - 1)),
          'many',
        )
  let count = 0
  const visit = (wire: ReturnType<typeof toWireError>): void => {
    count++
    wire.errors?.forEach(visit)
  }
  visit(toWireError(nest(3)))
  expect(count).toBeLessThanOrEqual(100)
})

test('a numeric code is left out, since codes are text', () => {
  expect(toWireError(Object.assign(new Error('x'), { code: 5 }))).not.toHaveProperty('code')
})
