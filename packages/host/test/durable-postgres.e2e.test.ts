import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DurableRecord } from '@capsule/bridge'
import { hasPostgres, type PostgresServer, postgresMissing, startPostgres } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { checkRound } from './durable/check-round.ts'
import { databasePoints } from './durable/kill-points.ts'
import { readAttempts, runRound } from './durable/kill-round.ts'
import { openStore, type StorePlace } from './durable/open-store.ts'
import { checkRandomRounds, killRounds, killSeed } from './durable/random-rounds.ts'
import type { SharedHostStep } from './durable/shared-host.ts'
import { type SharedHost, startSharedHost } from './durable/start-shared-host.ts'

const rounds = killRounds(3)
// unit: ms; short, so that the other host takes over soon
const leaseMs = 1500

describe.skipIf(!hasPostgres)(`on the store postgres${hasPostgres ? '' : ` (${postgresMissing})`}`, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(() => server?.stop())

  it.each(databasePoints)('a host outlives its database: %s', { timeout: 300_000 }, async (point) => {
    const round = await runRound({ server, deaths: [point] })
    expect(round.databaseKills).toBe(1)
    expect(round.result.replayed).toBe(false)
    checkRound(round)
  })

  it(
    `nothing is lost in ${rounds} rounds of killed hosts, workers and databases (seed ${killSeed})`,
    { timeout: rounds * 300_000 },
    async () => {
      const ran = await checkRandomRounds(rounds, server)
      expect(ran.rounds).toBeGreaterThan(0)
      // a database that is to die late may outlive the job
      expect(ran.databaseKills).toBeGreaterThanOrEqual(Math.floor(rounds / 10))
    },
  )

  describe('two hosts of one execution', () => {
    interface Pair {
      readonly place: StorePlace
      readonly first: SharedHost
      readonly second: SharedHost
      readonly another: () => SharedHost
    }
    /** The first one's cell asks, and the second waits for the lease of the first. */
    async function startPair(schema: string): Promise<Pair> {
      const folder = await mkdtemp(join(tmpdir(), 'capsule-shared-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const place: StorePlace = { name: 'postgres', connection: server.connection, schema }
      const another = (): SharedHost => startSharedHost(place, folder, leaseMs)
      const first = another()
      await first.reaches('asks')
      const second = another()
      await second.reaches('waits')
      return { place, first, second, another }
    }
    const effectsOf = ({ steps }: SharedHost): SharedHostStep[] => steps.filter(({ type }) => type === 'effect')

    /** Two attempts, of two hosts; the second began when no lease of the first held any more. */
    async function checkTakeOver(place: StorePlace): Promise<void> {
      const attempts = await readAttempts(place)
      expect(attempts).toHaveLength(2)
      expect(new Set(attempts.map(({ param }) => param)).size).toBe(2)
      const takenOverAtMs = attempts[1]!.createdAtMs
      const store = await openStore(place)
      const slots = Array.from({ length: 200 }, (_, k) => store.get(`capsule-exec-job:attempt.1.${k}`))
      const leases = (await Promise.all(slots)).filter((each): each is DurableRecord => each !== undefined)
      await store.close()
      const earlier = leases.filter(({ createdAtMs }) => createdAtMs < takenOverAtMs)
      expect(earlier.length).toBeGreaterThan(0)
      expect(takenOverAtMs).toBeGreaterThanOrEqual(Math.max(...earlier.map(({ timeoutAtMs }) => timeoutAtMs)))
    }

    it('the other takes over from one that is killed in mid-cell', { timeout: 120_000 }, async () => {
      const { place, first, second, another } = await startPair('killed')
      first.child.kill('SIGKILL')
      expect(await first.exited).toEqual([null, 'SIGKILL'])
      await second.reaches('asks')
      second.child.send('Ada')
      const { result, counters } = await second.reaches('told')
      expect(result).toMatchObject({ outcome: { status: 'ok', value: { name: 'Ada', attempt: 2 } }, attempt: 2 })
      expect(result.replayed).toBe(false)
      expect(counters).toMatchObject({ takenOver: 1, leasesLost: 0 })
      expect(await second.exited).toEqual([0, null])
      expect([...effectsOf(first), ...effectsOf(second)]).toEqual([{ type: 'effect', attempt: 2 }])
      const third = another()
      expect((await third.reaches('told')).result).toEqual({ ...result, replayed: true })
      expect(await third.exited).toEqual([0, null])
      await checkTakeOver(place)
    })

    it('one that was paused for longer than its lease stops its cell', { timeout: 120_000 }, async () => {
      const { place, first, second } = await startPair('paused')
      first.child.kill('SIGSTOP')
      await second.reaches('asks')
      first.child.kill('SIGCONT')
      // before there is any outcome
      await first.reaches('stopped')
      second.child.send('Ada')
      const { result, counters } = await second.reaches('told')
      expect(result).toMatchObject({ outcome: { status: 'ok', value: { name: 'Ada', attempt: 2 } }, attempt: 2 })
      expect(counters).toMatchObject({ takenOver: 1, leasesLost: 0 })
      const paused = await first.reaches('told')
      expect(paused.result).toEqual({ ...result, replayed: true })
      expect(paused.counters).toMatchObject({ takenOver: 0, leasesLost: 1 })
      expect(await Promise.all([first.exited, second.exited])).toEqual([
        [0, null],
        [0, null],
      ])
      expect([...effectsOf(first), ...effectsOf(second)]).toEqual([{ type: 'effect', attempt: 2 }])
      const { workerPid } = await first.reaches('asks')
      expect(() => process.kill(workerPid!, 0)).toThrow('ESRCH')
      await checkTakeOver(place)
    })
  })
})
