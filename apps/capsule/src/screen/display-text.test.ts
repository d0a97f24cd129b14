import { expect, it } from 'vitest'
import { displayText, progressText } from './display-text.ts'

const show = { type: 'display', executionId: 'e', displayId: 'd', action: 'show' } as const

it('prefers the text of a display, and notes what else it is', () => {
  expect(displayText({ ...show, data: { 'text/html': '<b>', 'text/plain': 'b' } })).toBe('b')
  expect(displayText({ ...show, data: { 'image/png': new Uint8Array(12) } })).toBe('[image/png 12 bytes]')
  expect(displayText({ ...show, data: { 'text/html': '<b>', 'application/json': {} } })).toBe(
    '[text/html 3 characters]\n[application/json]',
  )
  expect(displayText({ ...show, data: {}, truncated: true, dropped: ['image/png'] })).toBe('[image/png left out]')
  expect(displayText({ ...show, action: 'clear', data: {} })).toBeUndefined()
})

it('tells progress in one line', () => {
  expect(progressText({ type: 'progress', executionId: 'e', done: 3 })).toBe('3')
  expect(progressText({ type: 'progress', executionId: 'e', done: 3, total: 10, text: 'a\nb' })).toBe('a b 3/10 (30 %)')
  expect(progressText({ type: 'progress', executionId: 'e', done: 0, total: 0 })).toBe('0/0')
})
