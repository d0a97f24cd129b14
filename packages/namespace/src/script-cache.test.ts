import { expect, test } from 'vitest'
import { ScriptCache } from './script-cache.ts'

test('equal code under an equal name is compiled once', () => {
  const cache = new ScriptCache()
  const script = cache.compile('1 + 1', '/eval-1.js')
  expect(cache.compile('1 + 1', '/eval-1.js')).toBe(script)
  expect(cache.compile('1 + 1', '/eval-2.js')).not.toBe(script)
  expect(cache.counters).toEqual({ entries: 2, hits: 1, misses: 2, evictions: 0 })
})

test('the least recently used script leaves first', () => {
  const cache = new ScriptCache()
  for (let n = 0; n < 256; n++) cache.compile(`${n}`, '/a.js')
  const kept = cache.compile('0', '/a.js')
  cache.compile('256', '/a.js')
  expect(cache.compile('0', '/a.js')).toBe(kept)
  expect(cache.counters).toEqual({ entries: 256, hits: 2, misses: 257, evictions: 1 })
})

test('long code is not kept', () => {
  const cache = new ScriptCache()
  cache.compile(' '.repeat(70_000), '/a.js')
  expect(cache.counters.entries).toBe(0)
})
