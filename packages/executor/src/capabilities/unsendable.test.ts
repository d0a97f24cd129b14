import { expect, it } from 'vitest'
import { describeUnsendable } from './unsendable.ts'

const limits = { bytes: 1000, depth: 10 }

it.each([
  [['a', new URL('http://a')], 'argument 2 (URL) '],
  [[() => 1], 'argument 1 (function) '],
  [['a', { headers: new Headers() }], 'argument 2, headers (Headers), '],
  [[{ a: { b: { toString: () => '' } } }], 'argument 1, a (Object), '],
  [[new Uint8Array(2000)], 'argument 1 (Uint8Array) '],
  [['x'.repeat(600), 'x'.repeat(600)], 'the arguments together '],
])('names what cannot be sent: %o', (args, what) => {
  expect(describeUnsendable(args, limits)).toBe(
    `${what}cannot be sent: give plain data and bytes, at most 1000 bytes and 10 levels`,
  )
})
