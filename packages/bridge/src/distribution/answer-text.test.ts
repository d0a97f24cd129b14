import { expect, it } from 'vitest'
import { decodeAnswer, encodeAnswer } from './answer-text.ts'
import type { HostAnswer } from './host-answer.ts'
import { resultOf } from './scripted-runs.ts'

const million = 1024 * 1024
const answerOf = (value: unknown, stdout = 'out', stderr = 'err'): Extract<HostAnswer, { type: 'outcome' }> => {
  const { outcome } = resultOf('large', value)
  return { type: 'outcome', outcome, stdout, stderr, host: 'h', attempt: 2 }
}

it('brings an answer whole', () => {
  const answer = answerOf({ map: new Map([[1, undefined]]), big: 2n })
  expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer)
})

it.each([
  ['a value', answerOf('v'.repeat(20 * million))],
  ['output', answerOf(5, 'o'.repeat(20 * million), 'e'.repeat(20 * million))],
  ['all of it', answerOf('v'.repeat(20 * million), 'ö'.repeat(20 * million), 'e'.repeat(20 * million))],
])('cuts %s that no engine takes, says so, and can be read', (_, answer) => {
  const text = encodeAnswer(answer)
  expect(text.length).toBeLessThan(24 * million)
  const read = decodeAnswer(text) as typeof answer
  expect(read).toMatchObject({ type: 'outcome', host: 'h', attempt: 2 })
  expect(read.outcome).toMatchObject({ executionId: 'large', status: 'ok', truncated: true })
  for (const part of ['stdout', 'stderr'] as const) {
    expect(answer[part].startsWith(read[part])).toBe(true)
    expect(read[part].length).toBeGreaterThanOrEqual(Math.min(answer[part].length, million))
  }
  const { value } = read.outcome
  expect(value === 5 || (value as string).length > million).toBe(true)
})
