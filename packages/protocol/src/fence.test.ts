import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFenceScanner, encodeFence } from './index.ts'

const key = 'k3y'

/** What a scanner tells, with texts that follow each other joined. */
function scan(chunks: readonly Uint8Array[], { end = true } = {}): (string | number)[] {
  const told: (string | number)[] = []
  const scanner = createFenceScanner({
    key,
    onText(text) {
      expect(text).not.toBe('')
      if (typeof told.at(-1) === 'string') told.push(`${told.pop()}${text}`)
      else told.push(text)
    },
    onFence: (fence) => told.push(fence),
  })
  for (const chunk of chunks) scanner.push(chunk)
  if (end) scanner.end()
  return told
}

const text = (value: string): Uint8Array => Buffer.from(value)

it('splits text and fences, in order', () => {
  expect(scan([text('a'), encodeFence(key, 1), encodeFence(key, 20), text('b'), encodeFence(key, 3)])).toEqual([
    'a',
    1,
    20,
    'b',
    3,
  ])
})

it('finds fences and characters however the bytes are cut', () => {
  const part = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom('\0', '\0k', '\0k3y:', '\0k3y:12', '\0k3y:x\0', '\0\0', '\0k3y:\0'),
    fc.nat({ max: 2 ** 40 }),
  )
  fc.assert(
    fc.property(fc.array(part), fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (parts, sizes) => {
      // a NUL part followed by digits could complete a fence of its own
      const stream = Buffer.concat(
        parts.map((item) => (typeof item === 'number' ? encodeFence(key, item) : text(item))),
      )
      const chunks: Uint8Array[] = []
      for (let from = 0, turn = 0; from < stream.length; turn++) {
        const size = sizes[turn % sizes.length] as number
        chunks.push(stream.subarray(from, from + size))
        from += size
      }
      const cut = scan(chunks)
      expect(cut).toEqual(scan([stream]))
      const back = cut.map((item) => (typeof item === 'number' ? encodeFence(key, item) : text(item)))
      expect(Buffer.concat(back).toString()).toBe(stream.toString())
    }),
    { numRuns: 1000 },
  )
})

it('withholds nothing that cannot become a fence or a character', () => {
  expect(scan([text('hello')], { end: false })).toEqual(['hello'])
  expect(scan([text('a\0b')], { end: false })).toEqual(['a\0b'])
  expect(scan([text('a\0k3')], { end: false })).toEqual(['a'])
  expect(scan([text('a\0k3z')], { end: false })).toEqual(['a\0k3z'])
  expect(scan([text('é').subarray(0, 1)], { end: false })).toEqual([])
})

it('gives back at the end what did not become a fence', () => {
  expect(scan([text('a\0k3y:12')])).toEqual(['a\0k3y:12'])
  expect(scan([text('é').subarray(0, 1)])).toEqual(['\ufffd'])
})

it('takes a fence with another key, or an endless number, as text', () => {
  expect(scan([encodeFence('other', 1)])).toEqual(['\0other:1\0'])
  expect(scan([text(`\0k3y:${'1'.repeat(1000)}`)], { end: false })).toEqual([`\0k3y:${'1'.repeat(1000)}`])
})

it('ends an unfinished character before a fence', () => {
  expect(scan([text('é').subarray(0, 1), encodeFence(key, 1), text('b')])).toEqual(['\ufffd', 1, 'b'])
})

it('keeps its bytes', () => {
  expect(Buffer.from(encodeFence('key', 12)).toString()).toBe('\0key:12\0')
})
