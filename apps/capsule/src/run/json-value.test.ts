import { describe, expect, it } from 'vitest'
import { toJsonValue } from './json-value.ts'

describe('toJsonValue', () => {
  it.each([
    ['plain data', { a: [1, 'x', true, null] }, { a: [1, 'x', true, null] }],
    ['a bigint', 12n, { $type: 'bigint', value: '12' }],
    [
      'numbers JSON has not',
      [NaN, -Infinity, -0],
      ['NaN', '-Infinity', '-0'].map((value) => ({ $type: 'number', value })),
    ],
    ['undefined', [undefined], [{ $type: 'undefined' }]],
    ['a Map', new Map([['k', 1n]]), { $type: 'Map', entries: [['k', { $type: 'bigint', value: '1' }]] }],
    ['a Set', new Set([1, 'b']), { $type: 'Set', values: [1, 'b'] }],
    ['a Date', new Date(0), { $type: 'Date', value: '1970-01-01T00:00:00.000Z' }],
    ['an invalid Date', new Date(NaN), { $type: 'Date', value: null }],
    ['a RegExp', /a/gi, { $type: 'RegExp', source: 'a', flags: 'gi' }],
    ['bytes', new Uint8Array([1, 2]), { $type: 'Uint8Array', base64: 'AQI=' }],
    ['part of a buffer', new Uint8Array([0, 1, 2]).subarray(1), { $type: 'Uint8Array', base64: 'AQI=' }],
    ['an ArrayBuffer', new Uint8Array([1, 2]).buffer, { $type: 'ArrayBuffer', base64: 'AQI=' }],
    ['an object with a $type', { $type: 'Map' }, { $type: 'object', value: { $type: 'Map' } }],
  ])('represents %s', (_title, value, expected) => {
    const json = toJsonValue(value)
    expect(json).toEqual(expected)
    expect(JSON.parse(JSON.stringify(json))).toEqual(expected)
  })

  it('represents an error with its code and cause', () => {
    const error = Object.assign(new TypeError('no', { cause: 'why' }), { code: 'E_NO' })
    expect(toJsonValue(error)).toMatchObject({
      $type: 'Error',
      name: 'TypeError',
      message: 'no',
      code: 'E_NO',
      cause: 'why',
    })
  })

  it('represents cycles and shared objects by the path of the first occurrence', () => {
    const shared = { x: 1 }
    const value: Record<string, unknown> = { a: shared, b: [shared] }
    value['self'] = value
    expect(toJsonValue(value)).toEqual({
      a: { x: 1 },
      b: [{ $type: 'reference', path: '$.a' }],
      self: { $type: 'reference', path: '$' },
    })
  })

  it('takes time proportional to the objects, however often they are shared', () => {
    let value: unknown = {}
    for (let depth = 0; depth < 60; depth++) value = [value, value]
    expect(JSON.stringify(toJsonValue(value)).length).toBeLessThan(20_000)
  })
})
