import { type Capability, capabilityBody } from '@capsule/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { capabilityOf, encodeArgs } from '../test/fixture.ts'
import { readArguments } from './call-arguments.ts'

const write = capabilityOf(() => 1, { positional: ['path', 'content'], bodyField: 'content' })
const read = (args: unknown, { capability = write, body = false }: { capability?: Capability; body?: boolean } = {}) =>
  readArguments(capability, encodeArgs(args), body)
const inputOf = (args: unknown, options?: Parameters<typeof read>[1]): unknown => {
  const checked = read(args, options)
  return checked.isValid ? checked.value : checked.problems.join()
}

it.each([
  [[], {}],
  [['a'], { path: 'a' }],
  [['a', 'b'], { path: 'a', content: 'b' }],
  [['a', 'b', { mode: 1 }], { path: 'a', content: 'b', mode: 1 }],
  [['a', { content: 'b' }], { path: 'a', content: 'b' }],
  [[{ path: 'a', content: 'b' }], { path: 'a', content: 'b' }],
  [['a', undefined, { content: 'b' }], { path: 'a', content: 'b' }],
  [['a', 'b', undefined, undefined], { path: 'a', content: 'b' }],
  [[undefined], {}],
  [[['a']], { path: ['a'] }],
  [[null], { path: null }],
])('makes an input of %j', (args, input) => {
  expect(inputOf(args)).toEqual(input)
})

it('keeps bytes and dates as arguments, not as fields', () => {
  expect(inputOf(['a', new Uint8Array([1])])).toEqual({ path: 'a', content: new Uint8Array([1]) })
  expect(inputOf(['a', new Date(0)])).toEqual({ path: 'a', content: new Date(0) })
  expect(inputOf(['a', new Map([[1, 2]])])).toEqual({ path: 'a', content: new Map([[1, 2]]) })
})

it('puts a streamed body in its place', () => {
  const body = { body: true }
  expect(inputOf(['a'], body)).toEqual({ path: 'a', content: capabilityBody })
  expect(inputOf(['a', undefined, { mode: 1 }], body)).toEqual({ path: 'a', content: capabilityBody, mode: 1 })
  expect(inputOf([{ path: 'a', content: null }], body)).toEqual({ path: 'a', content: capabilityBody })
  expect(inputOf(['a', 'b'], body)).toContain('content: is given twice')
  expect(inputOf(['a'], { body: true, capability: capabilityOf(() => 1) })).toContain('takes no stream')
})

it('says what does not fit', () => {
  expect(inputOf(['a', 'b', 'c'])).toContain('3 are given; it takes path, content, an object with the other fields')
  expect(inputOf(['a', 'b', { mode: 1 }, { mode: 2 }])).toContain('4 are given')
  expect(inputOf(['a', { path: 'b' }])).toBe('path: is given twice, as argument 1 and by name')
  expect(inputOf('a')).toContain('must be an array')
  expect(readArguments(write, new Uint8Array([0xc1]), false)).toMatchObject({ isValid: false })
  expect(readArguments(write, new Uint8Array(), false)).toMatchObject({ isValid: false })
})

it('takes what any bytes say, and never a prototype', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, body) => {
      const checked = readArguments(write, bytes, body)
      const isExpected = checked.isValid
        ? Object.getPrototypeOf(checked.value) === Object.prototype
        : checked.problems.length === 1
      expect(isExpected).toBe(true)
    }),
    { numRuns: 2000 },
  )
  const polluting = JSON.parse('[{"__proto__": {"polluted": 1}, "path": "a"}]') as unknown
  const input = inputOf(polluting) as Record<string, unknown>
  expect(Object.getPrototypeOf(input)).toBe(Object.prototype)
  expect(input['polluted']).toBeUndefined()
})
