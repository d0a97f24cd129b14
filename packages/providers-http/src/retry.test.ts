import { expect, it } from 'vitest'
import { retryAfterMs, retryDelayMs } from './retry.ts'

const rules = { attempts: 5, statuses: [], baseDelayMs: 100, maxDelayMs: 350 }

it('doubles up to the longest wait, with full jitter', () => {
  const delays = (jitter: number) =>
    [1, 2, 3, 4].map((attempt) => retryDelayMs(rules, { attempt, jitter, retryAfterMs: 0 }))
  expect(delays(1)).toEqual([100, 200, 350, 350])
  expect(delays(0)).toEqual([0, 0, 0, 0])
  expect(retryDelayMs(rules, { attempt: 1, jitter: 1, retryAfterMs: 9000 })).toBe(9000)
})

it.each([
  ['5', 5000],
  ['0', 0],
  ['Tue, 01 Jan 2030 00:00:07 GMT', 7000],
  ['Tue, 01 Jan 2019 00:00:00 GMT', 0],
  ['soon', 0],
  ['-5', 0],
  ['9999999999999', 0],
])('reads retry-after: %s', (value, delayMs) => {
  expect(retryAfterMs([['retry-after', value]], Date.UTC(2030, 0, 1))).toBe(delayMs)
})
