import { expect, it } from 'vitest'
import { formatValue, insertBetweenMarkers } from './report.ts'

it('replaces what stands between the markers and keeps the rest', () => {
  const page = 'by hand\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nalso by hand\n'
  expect(insertBetweenMarkers(page, 'new\n')).toBe(
    'by hand\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nalso by hand\n',
  )
})

it('refuses a page without markers', () => {
  expect(() => insertBetweenMarkers('by hand', 'new')).toThrow('the page has no <!-- bench: begin -->')
})

it('shows as many digits as mean something', () => {
  expect([0.123, 12.345, 123.45, 1234.5].map((value) => formatValue(value, 'ms'))).toEqual([
    '0.12 ms',
    '12.35 ms',
    '123.5 ms',
    '1,235 ms',
  ])
})
