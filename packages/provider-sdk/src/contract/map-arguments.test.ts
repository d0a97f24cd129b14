import { expect, it } from 'vitest'
import { mapArguments } from './map-arguments.ts'

const read = { positional: ['path', 'lines'] }

it.each([
  [[], {}],
  [['a'], { path: 'a' }],
  [['a', 5], { path: 'a', lines: 5 }],
  [['a', { encoding: 'utf8' }], { path: 'a', encoding: 'utf8' }],
  [['a', 5, { encoding: 'utf8' }], { path: 'a', lines: 5, encoding: 'utf8' }],
  [[{ path: 'a', encoding: 'utf8' }], { path: 'a', encoding: 'utf8' }],
  [['a', undefined, { encoding: undefined }], { path: 'a' }],
  [['a', undefined, undefined, undefined], { path: 'a' }],
  [[undefined, { path: 'a' }], { path: 'a' }],
  [[['a']], { path: ['a'] }],
  [[null], { path: null }],
])('maps %j', (args, input) => {
  expect(mapArguments(read, args)).toMatchObject({ isMapped: true, input })
})

it('takes the call options out of the last argument', () => {
  const { signal } = new AbortController()
  expect(mapArguments(read, ['a', { signal, idempotencyKey: 'k', timeoutMs: 5, encoding: 'utf8' }])).toEqual({
    isMapped: true,
    input: { path: 'a', encoding: 'utf8' },
    options: { signal, idempotencyKey: 'k', timeoutMs: 5 },
  })
})

it('refuses too many arguments, and a field given twice', () => {
  expect(mapArguments(read, ['a', 5, 6])).toEqual({
    isMapped: false,
    problems: ['arguments: 3 are too many; it takes path, lines, then one object with other fields'],
  })
  expect(mapArguments({ positional: [] }, ['a'])).toMatchObject({
    problems: ['arguments: 1 are too many; it takes one object'],
  })
  expect(mapArguments(read, ['a', { path: 'b' }])).toEqual({ isMapped: false, problems: ['path: is given twice'] })
})

it('keeps an own __proto__ a field', () => {
  const mapped = mapArguments(read, [JSON.parse('{"__proto__":{"isAdmin":true}}')])
  expect(mapped.isMapped && Object.getOwnPropertyNames(mapped.input)).toEqual(['__proto__'])
  expect(mapped.isMapped && Object.getPrototypeOf(mapped.input)).toBe(Object.prototype)
})
