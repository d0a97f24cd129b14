import { expect } from 'vitest'
import type { Round } from './kill-round.ts'

/** Nothing is lost, nothing is answered twice, and each effect belongs to one attempt. */
export function checkRound({ result, again, book, hosts, attempts, isShared }: Round): void {
  expect(result.outcome.status).toBe('ok')
  // memoised: every other process is told the same
  expect(again.length).toBeGreaterThan(0)
  for (const each of again) expect(each).toEqual({ ...result, replayed: true })
  const { name, first, year, attempt } = result.outcome.value as Record<string, string | number>
  expect(attempt).toBe(result.attempt)
  // a host makes at most three attempts: its own, and two for workers that died; more only when its leases end while the database is away
  if (!isShared) expect(result.attempt).toBeLessThanOrEqual(3 * hosts)
  checkAttempts(result.attempt, attempts, book)

  for (const n of [1, 2]) {
    const saved = book.findIndex((line) => line.type === 'saved' && line.id.endsWith(`:input.${n}`))
    const asked = book.flatMap((line, at) => (line.type === 'asked' && line.n === n ? [{ at, host: line.host }] : []))
    // an answer that is saved is never asked for again, and is the one that the cell has
    expect(asked.length).toBeGreaterThan(0)
    if (saved !== -1) expect(asked.filter(({ at }) => at > saved)).toEqual([])
    expect(asked.map(({ host }) => `answer ${n} of ${host}`)).toContain(n === 1 ? name : year)
    // each host asks at most once, also when its worker dies; again only in an attempt that follows a lost lease
    for (const { host } of asked) {
      const most = isShared ? attemptsOf(book, host) : 1
      expect(asked.filter((each) => each.host === host).length).toBeLessThanOrEqual(most)
    }
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

const attemptsOf = (book: Round['book'], host: number): number =>
  book.filter((line) => line.type === 'attempt' && line.host === host).length

/** The one that gave the outcome is the last, each before it is in the store, and those of one host follow each other. */
function checkAttempts(last: number, attempts: Round['attempts'], book: Round['book']): void {
  expect(attempts).toHaveLength(last)
  const owners = attempts.map(({ param }) => (JSON.parse(param ?? '') as { owner: string }).owner)
  const spells = owners.filter((owner, at) => owner !== owners[at - 1])
  expect(new Set(spells).size).toBe(spells.length)
  // killed before it could write its line, a host has begun one all the same; nobody begins one twice
  const begun = book.flatMap((line) => (line.type === 'attempt' ? [line.id] : []))
  expect(new Set(begun).size).toBe(begun.length)
  expect(attempts.map(({ id }) => id)).toEqual(expect.arrayContaining(begun))
}
