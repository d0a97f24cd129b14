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
