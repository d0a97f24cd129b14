import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createEventParser } from './event-parser.ts'

const parse = (chunks: readonly string[]): string[] => {
  const events: string[] = []
  const take = createEventParser((data) => events.push(data))
  for (const chunk of chunks) take(chunk)
  return events
}

it.each([
  ['data: a\n\n', ['a']],
  ['data:a\ndata: b\n\ndata: c\n\n', ['a\nb', 'c']],
  [': a comment\nevent: x\nid: 1\ndata: a\nretry: 5\n\n\n\n', ['a']],
  ['data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c']],
  ['data: unfinished\n', []],
])('reads %j', (text, events) => {
  expect(parse([text])).toEqual(events)
})

it('reads the same however the text is cut', () => {
  const event = fc.string({ unit: fc.constantFrom('a', ' ', ':', '{', 'ü') })
  fc.assert(
    fc.property(fc.array(event), fc.array(fc.nat(30)), fc.constantFrom('\n', '\r\n'), (events, sizes, end) => {
      const text = events.map((data) => `data: ${data}${end}${end}`).join('')
      const chunks: string[] = []
      let at = 0
      for (const size of sizes) chunks.push(text.slice(at, (at += size)))
      expect(parse([...chunks, text.slice(at)])).toEqual(events)
    }),
  )
})

it('looks at each piece of a long line once', () => {
  // 64 Ki pieces of 64: looking at all that is there each time would be 2^37 characters
  const pieces = Array.from({ length: 65_536 }, () => 'x'.repeat(64))
  expect(parse(['data: ', ...pieces, '\n\n']).map((data) => data.length)).toEqual([65_536 * 64])
})

it('drops an event that is too long, and reads the next', () => {
  const mebibyte = 'x'.repeat(2 ** 20)
  const line = ['data: ', ...Array.from({ length: 64 }, () => mebibyte)]
  const lines = Array.from({ length: 65 }, () => `data: ${mebibyte}\n`)
  expect(parse([...line, '\n\n', 'data: a\n\n', ...lines, '\n', 'data: b\n\n'])).toEqual(['a', 'b'])
})
