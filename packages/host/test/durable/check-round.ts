import { expect } from 'vitest'
import type { Round } from './kill-round.ts'

/** Nothing is lost, nothing is answered twice, and each effect belongs to one attempt. */
export function checkRound({ result, again, book, hosts }: Round): void {
  expect(result.outcome.status).toBe('ok')
  // memoised: another process is told the same
  expect({ ...again, replayed: result.replayed }).toEqual(result)
  expect(again.replayed).toBe(true)
  const { name, first, year, attempt } = result.outcome.value as Record<string, string | number>
  expect(attempt).toBe(result.attempt)
  // a host makes at most three attempts: its own, and two for workers that died
  expect(result.attempt).toBeLessThanOrEqual(3 * hosts)

  for (const n of [1, 2]) {
    const saved = book.findIndex((line) => line.type === 'saved' && line.id.endsWith(`:input.${n}`))
    const asked = book.flatMap((line, at) => (line.type === 'asked' && line.n === n ? [{ at, host: line.host }] : []))
    // an answer that is saved is never asked for again, and is the one that the cell has
    expect(asked.length).toBeGreaterThan(0)
    if (saved !== -1) expect(asked.filter(({ at }) => at > saved)).toEqual([])
    expect(asked.map(({ host }) => `answer ${n} of ${host}`)).toContain(n === 1 ? name : year)
    // each host asks at most once, also when its worker dies
    expect(new Set(asked.map(({ host }) => host)).size).toBe(asked.length)
  }

  const effects = book.filter((line) => line.type === 'effect')
  const once = effects.filter(({ key }) => key === 'once')
  const savedCall = book.findIndex((line) => line.type === 'saved' && line.id.endsWith(':call.once'))
  // made again only as long as no reply was saved
  const after = book.filter((line, at) => at > savedCall && line.type === 'effect' && line.key === 'once')
  if (savedCall !== -1) expect(after).toEqual([])
  expect(once.map(({ host }) => `booked by ${host}`)).toContain(first)
  // a call without a key is made by each attempt that comes to it, and by each once
  const byAttempt = effects.filter(({ key }) => key === '').map((line) => line.attempt)
  expect(new Set(byAttempt).size).toBe(byAttempt.length)
  expect(byAttempt).toContain(result.attempt)
}
