import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { DurablePromiseStore, DurableRecord } from '@capsule/bridge'
import { createPostgresStore, type PostgresStoreOptions } from '@capsule/bridge/postgres'
import { describeDurablePromiseStoreContract } from '@capsule/bridge/testing'
import { hasPostgres, type PostgresServer, postgresMissing, startPostgres, waitFor } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

const farMs = (): number => Date.now() + 600_000

/** `CAPSULE_KILL_ROUNDS=200` for the long run. */
const rounds = Number(process.env['CAPSULE_KILL_ROUNDS'] ?? 10)

describe.skipIf(!hasPostgres)(`postgres${hasPostgres ? '' : ` (${postgresMissing})`}`, () => {
  let server: PostgresServer
  let admin: pg.Pool
  beforeAll(async () => {
    server = await startPostgres()
    admin = new pg.Pool({ ...server.connection, max: 2 })
    admin.on('error', () => {})
  }, 60_000)
  afterAll(async () => {
    await admin?.end()
    await server?.stop()
  })

  const schemas = new Map<DurablePromiseStore, string>()
  const openIn = async (schema: string, options: Partial<PostgresStoreOptions> = {}): Promise<DurablePromiseStore> => {
    const store = await createPostgresStore({ connection: server.connection, schema, ...options })
    schemas.set(store, schema)
    return store
  }
  const open = async (options: Partial<PostgresStoreOptions> = {}): Promise<DurablePromiseStore> => {
    const store = await openIn(`s ${randomUUID()} "'; --`, options)
    onTestFinished(() => store.close())
    return store
  }
  const cut = async (): Promise<void> => {
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'capsule-store'")
  }

  describeDurablePromiseStoreContract({
    name: 'postgres',
    capabilities: { name: 'postgres', persistent: true, shared: true, enforcesTimeouts: true },
    open: (wishes) => openIn(`s ${randomUUID()} "'; --`, wishes),
    openSecond: (store) => openIn(schemas.get(store)!),
    reopen: async (store) => {
      await store.close()
      return openIn(schemas.get(store)!)
    },
    cut,
  })

  it('makes its table once, however many hosts start at once', async () => {
    const schema = 'Raced "schema"'
    const stores = await Promise.all(Array.from({ length: 8 }, () => openIn(schema)))
    const calls = stores.map((store) => store.create({ id: 'a', timeoutAtMs: farMs() }))
    expect((await Promise.all(calls)).filter(({ created }) => created)).toHaveLength(1)
    for (const store of stores) await store.close()
  })

  it('works for a user who may not create anything, and says what such a user may not', async () => {
    await admin.query('CREATE ROLE modest LOGIN')
    const connection = { ...server.connection, user: 'modest' }
    const refused = { code: 'STORE_UNAUTHORIZED', details: { action: 'create its table' } }
    await expect(createPostgresStore({ connection, schema: 'modest one' })).rejects.toMatchObject(refused)
    const first = await openIn('modest one')
    await admin.query(
      'GRANT USAGE ON SCHEMA "modest one" TO modest; GRANT ALL ON "modest one".durable_promises TO modest',
    )
    const store = await createPostgresStore({ connection, schema: 'modest one' })
    expect((await store.create({ id: 'a', timeoutAtMs: farMs() })).created).toBe(true)
    await store.close()
    await first.close()
    await expect(createPostgresStore({ connection: { ...server.connection, user: 'nobody' } })).rejects.toMatchObject({
      code: 'STORE_UNAUTHORIZED',
    })
    await expect(
      createPostgresStore({ connection: { ...server.connection, database: 'missing' } }),
    ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  it('makes its table in a schema that it is given, for a user who may make no schema', async () => {
    await admin.query('CREATE ROLE guest LOGIN; CREATE SCHEMA "given one" AUTHORIZATION guest')
    const connection = { ...server.connection, user: 'guest' }
    const opened = Array.from({ length: 3 }, () => createPostgresStore({ connection, schema: 'given one' }))
    const stores = await Promise.all(opened)
    expect((await stores[0]!.create({ id: 'a', timeoutAtMs: farMs() })).created).toBe(true)
    for (const store of stores) await store.close()
  })

  it.each(['repeatable read', 'serializable'])(
    'tells the truth also when the default isolation is %s',
    async (level) => {
      const connection = {
        ...server.connection,
        options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
      }
      const stores = [await openIn(level, { connection }), await openIn(level, { connection })]
      for (let round = 0; round < 3; round += 1) {
        const id = `p-${round}`
        const racers = Array.from({ length: 12 }, (_, index) => stores[index % 2]!)
        const creations = racers.map((store) => store.create({ id, timeoutAtMs: farMs() }))
        expect((await Promise.all(creations)).filter(({ created }) => created)).toHaveLength(1)
        const settlements = racers.map((store, index) => store.settle({ id, state: 'resolved', value: `${index}` }))
        expect((await Promise.all(settlements)).filter(({ applied }) => applied)).toHaveLength(1)
      }
      for (const store of stores) await store.close()
    },
  )

  it('tells everyone the same of a settlement that begins in time and ends too late', async () => {
    const [first, second] = [await openIn('slow'), await openIn('slow')]
    const id = 'a'
    await first.create({ id, timeoutAtMs: Date.now() + 500 })
    const waiting = second.wait(id)
    // a lock is as slow as a disk or a replica can be
    const blocker = await admin.connect()
    await blocker.query('BEGIN; SELECT FROM slow.durable_promises FOR UPDATE')
    const settling = first.settle({ id, state: 'resolved', value: 'v' })
    // a promise of the store is the clock
    await first.create({ id: 'clock', timeoutAtMs: Date.now() + 800 })
    expect((await first.wait('clock')).state).toBe('timedout')
    const reading = second.get(id)
    const creating = second.create({ id, timeoutAtMs: farMs() })
    // were they told already, it would be another story than that of the settlement
    await first.create({ id: 'later', timeoutAtMs: Date.now() + 200 })
    await first.wait('later')
    await blocker.query('COMMIT')
    blocker.release()
    const { record, applied } = await waitFor(settling)
    expect(record.state).toBe(applied ? 'resolved' : 'timedout')
    const told = await waitFor(Promise.all([reading, waiting, creating.then((created) => created.record)]))
    expect(told).toEqual([record, record, record])
    expect(await first.get(id)).toEqual(record)
    await first.close()
    await second.close()
  })

  it('leaves no connection when it is closed, also with waits and calls under way', async () => {
    await admin.query('CREATE DATABASE closing')
    const store = await open({ connection: { ...server.connection, database: 'closing' } })
    await store.create({ id: 'a', timeoutAtMs: farMs() })
    const waits = [store.wait('a'), store.wait('a')]
    const calls = Array.from({ length: 20 }, (_, index) => store.create({ id: `b-${index}`, timeoutAtMs: farMs() }))
    const ended = Promise.allSettled([...waits, ...calls])
    await waitFor(store.close())
    await waitFor(ended)
    // refused while anybody is connected; the server itself waits for those that end
    await expect(admin.query('DROP DATABASE closing')).resolves.toBeDefined()
  })

  it('takes a pool, and leaves it open', async () => {
    const pool = new pg.Pool({ ...server.connection, max: 2 })
    const store = await createPostgresStore({ pool, schema: 'pooled' })
    await store.create({ id: 'a', timeoutAtMs: farMs() })
    const waiting = store.wait('a')
    await store.settle({ id: 'a', state: 'resolved', value: 'v' })
    expect((await waitFor(waiting)).value).toBe('v')
    await store.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  it('refuses options with which it could not work', async () => {
    const pool = new pg.Pool({ ...server.connection, max: 1 })
    const connection = { ...server.connection, max: 1 }
    const long = { connection: server.connection, schema: 's'.repeat(64) }
    for (const options of [{}, { pool }, { connection }, { pool, connection: 'postgres://' }, long])
      await expect(createPostgresStore(options)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await pool.end()
  })

  it('tells of a settlement by notification, not by asking again', async () => {
    const [first, second] = [await openIn('notified'), await openIn('notified')]
    await first.create({ id: 'warm', timeoutAtMs: farMs() })
    const warm = first.wait('warm')
    await second.settle({ id: 'warm', state: 'resolved' })
    await waitFor(warm)
    for (let round = 0; round < 20; round += 1) {
      const id = `p-${round}`
      await first.create({ id, timeoutAtMs: farMs() })
      const waiting = first.wait(id)
      await first.get(id)
      await second.settle({ id, state: 'resolved', value: id })
      // it would be asked again after 12 s
      expect((await waitFor(waiting, { deadlineMs: 5000 })).value).toBe(id)
    }
    await first.close()
    await second.close()
  })

  it('keeps no old promises, and times out the forgotten ones', async () => {
    const store = await open({ retention: { maxSettled: 5, settledMs: 10_000 } })
    await store.create({ id: 'forgotten', timeoutAtMs: Date.now() - 60_000 })
    for (let index = 0; index < 30; index += 1) {
      await store.create({ id: `p-${index}`, timeoutAtMs: farMs() })
      await store.settle({ id: `p-${index}`, state: 'resolved' })
    }
    expect(await store.get('forgotten')).toBeUndefined()
    const kept = await Promise.all(Array.from({ length: 30 }, (_, index) => store.get(`p-${index}`)))
    expect(kept.flatMap((record) => record?.id ?? [])).toEqual(['p-25', 'p-26', 'p-27', 'p-28', 'p-29'])
  })

  describe('killed', () => {
    /** What was acknowledged to somebody. */
    interface Acknowledged {
      readonly creations: Map<string, string>
      readonly appliers: Map<string, string[]>
    }

    async function work(
      stores: readonly DurablePromiseStore[],
      round: number,
      onAck: () => void,
    ): Promise<Acknowledged> {
      const creations = new Map<string, string>()
      const appliers = new Map<string, string[]>()
      const one = async (index: number): Promise<void> => {
        const id = `r${round}-${index}`
        const racers = stores.map(async (store, host) => {
          const param = `${id} of ${host}`
          const { created } = await store.create({ id, timeoutAtMs: farMs(), param })
          onAck()
          if (created) creations.set(id, `${creations.get(id) ?? ''}${param}`)
          const waiting = store.wait(id)
          const value = `${id} by ${host}`
          const { applied } = await store.settle({ id, state: 'resolved', value })
          onAck()
          if (applied) appliers.set(id, [...(appliers.get(id) ?? []), value])
          return waiting
        })
        const records: DurableRecord[] = await Promise.all(racers)
        expect(records[1]).toEqual(records[0])
      }
      await Promise.all(Array.from({ length: 25 }, (_, index) => one(index)))
      return { creations, appliers }
    }

    it(
      'loses nothing that was acknowledged and settles nothing twice, at whatever moment',
      { timeout: rounds * 60_000 },
      async () => {
        const stores = [await open({ retryMs: 60_000 })]
        stores.push(await openIn(schemas.get(stores[0]!)!, { retryMs: 60_000 }))
        onTestFinished(() => stores[1]!.close())
        for (let round = 0; round < rounds; round += 1) {
          // of 100 acknowledgements, at one of them
          let left = 1 + Math.floor(Math.random() * 90)
          let restarted: Promise<void> | undefined
          const restart = async (): Promise<void> => {
            await server.kill()
            await server.start()
          }
          const working = work(stores, round, () => {
            left -= 1
            if (left === 0) restarted = restart()
          })
          const { creations, appliers } = await waitFor(working, { deadlineMs: 60_000, what: `round ${round}` })
          await restarted
          expect(creations.size).toBe(25)
          for (const [id, param] of creations) {
            const record = await stores[0]!.get(id)
            expect(record).toMatchObject({ state: 'resolved', param })
            expect(appliers.get(id)).toEqual([record?.value])
          }
        }
      },
    )
  })
})
