import { expect, it } from 'vitest'
import { creditedBytes, isBoundedJson } from './index.ts'

it('counts the bytes of a message that takes credit, the same on both sides', () => {
  expect(creditedBytes({ type: 'output', executionId: 'e', stream: 'stdout', text: 'é' })).toBe(2)
  expect(creditedBytes({ type: 'progress', executionId: 'e', done: 1 })).toBe(128)
  expect(creditedBytes({ type: 'progress', executionId: 'e', done: 1, text: 'é' })).toBe(130)
  const display = { type: 'display', executionId: 'e', displayId: 'd', action: 'show' } as const
  expect(creditedBytes({ ...display, data: {} })).toBe(128)
  const data = { 'a/b': 'é', 'c/d': new Uint8Array(5), 'e/f': { json: '{}' } }
  expect(creditedBytes({ ...display, data, metadata: '{}' })).toBe(128 + 9 + 2 + 5 + 2 + 2)
})

it('tells JSON that may be parsed from JSON that nests or holds too much', () => {
  expect(isBoundedJson('{"a":["[[["]}')).toBe(true)
  expect(isBoundedJson('['.repeat(100))).toBe(true)
  expect(isBoundedJson('['.repeat(101))).toBe(false)
  expect(isBoundedJson(`[${'{},'.repeat(1_000_000)}0]`)).toBe(false)
})
