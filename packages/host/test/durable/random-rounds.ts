import type { PostgresServer } from '@capsule/testing'
import { checkRound } from './check-round.ts'
import { databasePoints, killPoints } from './kill-points.ts'
import { type Death, runRound } from './kill-round.ts'

/** `CAPSULE_KILL_ROUNDS=200` for the long run, `CAPSULE_KILL_SEED` to see one again. */
export const killSeed = Number(process.env['CAPSULE_KILL_SEED'] ?? Date.now() % 1_000_000)
export const killRounds = (few: number): number => Number(process.env['CAPSULE_KILL_ROUNDS'] ?? few)

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

export interface RandomRounds {
  readonly rounds: number
  readonly databaseKills: number
}

/** Each with one to three deaths, of which on a server one is the database's: unless the job is done before. */
export async function checkRandomRounds(rounds: number, server?: PostgresServer): Promise<RandomRounds> {
  const random = randomFrom(killSeed)
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const momentMs = (): number => 200 + Math.floor(random() * 700)
  // some die at a point, some whenever it is
  const hostDeath = (): Death => (random() < 0.6 ? oneOf(killPoints) : momentMs())
  const databaseDeath = (): Death => (random() < 0.5 ? oneOf(databasePoints) : { databaseAfterMs: momentMs() })
  let databaseKills = 0
  for (let round = 1; round <= rounds; round++) {
    const deaths = Array.from({ length: 1 + Math.floor(random() * 3) }, hostDeath)
    if (server !== undefined) deaths[Math.floor(random() * deaths.length)] = databaseDeath()
    const where = `round ${round} of seed ${killSeed}, ${JSON.stringify(deaths)}`
    const ran = await runRound({ ...(server !== undefined && { server }), deaths }).catch((error: unknown) => {
      throw new Error(`${where}: it did not come to its end`, { cause: error })
    })
    databaseKills += ran.databaseKills
    try {
      checkRound(ran)
    } catch (error) {
      throw new Error(`${where}: ${JSON.stringify(ran, null, 1)}`, { cause: error })
    }
  }
  return { rounds, databaseKills }
}
