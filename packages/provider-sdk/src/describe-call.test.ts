import { capabilityBody } from '@capsule/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { describeInOneLine } from './describe-call.ts'

it('shows the input as JSON, with what JSON cannot hold', () => {
  const describe = describeInOneLine(undefined)
  expect(
    describe({ path: 'a\nb', bytes: new Uint8Array(5), n: 1n, body: capabilityBody, map: new Map([[1, 2]]) }),
  ).toBe('{"path":"a\\nb","bytes":"<5 bytes>","n":"1n","body":"<a stream>","map":"<1 entries>"}')
  expect(describe(undefined)).toBe('a call that cannot be described')
})

it('keeps it to one line of 200 characters that shows what it says', () => {
  const describe = describeInOneLine((input: string) => `reads ${input}`)
  expect(describe('a.txt')).toBe('reads a.txt')
  expect(describe('a\r\nallowed: \u{202e}yes\u2028')).toBe('reads a��allowed: �yes�')
  expect(describe('x'.repeat(1_000_000))).toBe(`reads ${'x'.repeat(194)}…`)
  // 😀 is a pair of surrogates, which a cut must not divide
  expect(describe(`${'x'.repeat(193)}😀😀`)).toBe(`reads ${'x'.repeat(193)}\ufffd…`)
})

it('falls back when the function of the provider fails', () => {
  const throws = describeInOneLine(() => {
    throw new Error('no')
  })
  expect(throws({ a: 1 })).toBe('{"a":1}')
  expect(describeInOneLine(() => 5)({ a: 1 })).toBe('{"a":1}')
  expect(describeInOneLine(() => ' ')({ a: 1 })).toBe('{"a":1}')
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  expect(throws(cyclic)).toBe('a call that cannot be described')
})

it('makes a line of anything', () => {
  const identity = describeInOneLine((input) => input)
  const json = describeInOneLine(undefined)
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.anything({ withBigInt: true, withMap: true })),
      (input) => {
        for (const text of [identity(input), json(input)]) {
          expect(text).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e]{1,201}$/u)
          expect(text.isWellFormed()).toBe(true)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
