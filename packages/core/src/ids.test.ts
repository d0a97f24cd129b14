import { expect, it } from 'vitest'
import { createCountingIds, createRandomIds } from './index.ts'

it('counts each kind on its own', () => {
  const ids = createCountingIds()
  expect([ids.next('session'), ids.next('session'), ids.next('execution')]).toEqual([
    'session-1',
    'session-2',
    'execution-1',
  ])
})

it('makes ids that are valid and differ between sources', () => {
  const [one, two] = [createRandomIds(), createRandomIds()]
  const ids = Array.from({ length: 1000 }, () => [one.next('session'), two.next('session')]).flat()
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^session-[A-Za-z0-9_-]{12}-\d+$/)
})
