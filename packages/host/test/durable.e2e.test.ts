import { describe, expect, it } from 'vitest'
import { checkRound } from './durable/check-round.ts'
import { killPoints } from './durable/kill-points.ts'
import { runRound } from './durable/kill-round.ts'
import { checkRandomRounds, killRounds, killSeed } from './durable/random-rounds.ts'

const rounds = killRounds(7)

describe('a host killed with SIGKILL, on the store sqlite', () => {
  it.each(killPoints)('is followed by one that finishes: %s', { timeout: 300_000 }, async (point) => {
    const round = await runRound({ deaths: [point] })
    expect(round.book.some((line) => line.type === 'killed') || point.startsWith('worker-')).toBe(true)
    checkRound(round)
  })

  it(`loses nothing in ${rounds} rounds (seed ${killSeed})`, { timeout: rounds * 300_000 }, async () => {
    expect(await checkRandomRounds(rounds)).toEqual({ rounds, databaseKills: 0 })
    expect(rounds).toBeGreaterThan(0)
  })
})
