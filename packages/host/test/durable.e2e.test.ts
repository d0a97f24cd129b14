import { describe, expect, it } from 'vitest'
import { checkRound } from './durable/check-round.ts'
import { killPoints, type KillPoint } from './durable/kill-points.ts'
import { runRound } from './durable/kill-round.ts'
import { storeNames } from './durable/open-store.ts'

/** `CAPSULE_KILL_ROUNDS=200` for the long run, `CAPSULE_KILL_SEED` to see one again. */
const rounds = Number(process.env['CAPSULE_KILL_ROUNDS'] ?? 7)
const seed = Number(process.env['CAPSULE_KILL_SEED'] ?? Date.now() % 1_000_000)

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomFrom(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

describe.each(storeNames)('a host killed with SIGKILL, on the store %s', (store) => {
  it.each(killPoints)('is followed by one that finishes: %s', { timeout: 300_000 }, async (point) => {
    const round = await runRound({ store, deaths: [point] })
    expect(round.book.some((line) => line.type === 'killed') || point.startsWith('worker-')).toBe(true)
    checkRound(round)
  })

  it(`loses nothing in ${rounds} rounds (seed ${seed})`, { timeout: rounds * 300_000 }, async () => {
    const random = randomFrom(seed)
    expect(rounds).toBeGreaterThan(0)
    const point = (): KillPoint => killPoints[Math.floor(random() * killPoints.length)] as KillPoint
    // some die at a point, some whenever it is
    const death = (): KillPoint | number => (random() < 0.6 ? point() : 200 + Math.floor(random() * 700))
    for (let round = 1; round <= rounds; round++) {
      const deaths = Array.from({ length: 1 + Math.floor(random() * 3) }, death)
      const ran = await runRound({ store, deaths })
      try {
        checkRound(ran)
      } catch (error) {
        throw new Error(`round ${round} of seed ${seed}, ${JSON.stringify(deaths)}: ${JSON.stringify(ran, null, 1)}`, {
          cause: error,
        })
      }
    }
  })
})
