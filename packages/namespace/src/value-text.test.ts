import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { textOf } from './value-text.ts'

test.each([
  [1],
  ['text'],
  [undefined],
  [null],
  [10n],
  [Symbol('s')],
  [{ a: { b: { c: { d: 1 } } } }],
  [[1, 2]],
  [new Map([[1, 2]])],
])('shows %o as inspect does', (value) => {
  expect(textOf(value, 1000)).toEqual({ text: inspect(value), truncated: false })
})

test('cuts to the length and says so', () => {
  const { text, truncated } = textOf(
    Array.from({ length: 100 }, () => 'some text'),
    50,
  )
  expect(text).toHaveLength(50)
  expect(truncated).toBe(true)
})

test('has a text for what resists', () => {
  expect(textOf({ [inspect.custom]: () => 5 }, 100).text).toBe('5')
  const throwing = () => {
    throw new Error('no')
  }
  expect(textOf({ [inspect.custom]: throwing }, 100).text).toBe('[object: its inspection failed]')
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(textOf(proxy, 100).text).toBe('<Revoked Proxy>')
})
