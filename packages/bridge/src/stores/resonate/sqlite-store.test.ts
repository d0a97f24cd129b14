import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createFakeClock } from '@capsule/testing'
import { LocalNetwork } from '@resonatehq/sdk'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeDurablePromiseStoreContract } from '../contract/describe-durable-promise-store-contract.ts'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import type { ResonateNetwork } from './resonate-network.ts'
import { createResonateStore } from './resonate-store.ts'
import { createEmbeddedStore, createSqliteStore } from './sqlite-store.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'capsule-sqlite-'))
const path = (): string => {
  const made = folder()
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return join(made, 'promises.db')
}

describeDurablePromiseStoreContract({
  name: 'embedded',
  capabilities: { name: 'embedded', persistent: false, shared: false, enforcesTimeouts: false },
  open: (wishes) => createEmbeddedStore(wishes),
})

for (const sync of ['normal', 'full'] as const) {
  const folders = new Map<DurablePromiseStore, string>()
  const open = async (made: string, wishes = {}): Promise<DurablePromiseStore> => {
    const store = await createSqliteStore({ path: join(made, 'promises.db'), sync, ...wishes })
    folders.set(store, made)
    return store
  }
  describeDurablePromiseStoreContract({
    name: `sqlite, ${sync}`,
    capabilities: { name: 'sqlite', persistent: true, shared: false, enforcesTimeouts: true },
    open: (wishes) => open(folder(), wishes),
    reopen: async (store) => {
      await store.close()
      return open(folders.get(store)!)
    },
    dispose: async (store) => rmSync(folders.get(store)!, { recursive: true }),
  })
}

describe('resonate local', () => {
  describeDurablePromiseStoreContract({
    name: "the SDK's local network",
    capabilities: { name: 'local', persistent: false, shared: false, enforcesTimeouts: false },
    open: () => {
      // the store needs no more than what every Network of the SDK has
      const network: ResonateNetwork = new LocalNetwork()
      const capabilities = { name: 'local', persistent: false, shared: false, enforcesTimeouts: false }
      return createResonateStore({ network, capabilities, rewaitMs: Infinity })
    },
    hasRetention: false,
  })
})

it('refuses a file that another store uses, and takes it when that is closed', async () => {
  const file = path()
  const first = await createSqliteStore({ path: file })
  await expect(createSqliteStore({ path: file })).rejects.toMatchObject({
    code: 'STORE_IN_USE',
    details: { path: file },
  })
  await first.close()
  const second = await createSqliteStore({ path: file })
  await second.close()
})

it('says why a file cannot be opened', async () => {
  const file = path()
  const cannot = { code: 'STORE_UNAVAILABLE', details: { store: 'sqlite' } }
  writeFileSync(`${file}.text`, 'no database'.repeat(1000))
  const other = new DatabaseSync(`${file}.other`)
  other.exec('CREATE TABLE promises (of_another INTEGER)')
  other.close()
  const paths = [join(file, 'missing', 'promises.db'), tmpdir(), `${file}.text`, `${file}.other`, `${file}\0`]
  for (const each of paths) await expect(createSqliteStore({ path: each })).rejects.toMatchObject(cannot)
  await expect(createSqliteStore({ path: ':memory:' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})

it('knows a file by whatever name', async () => {
  const file = path()
  const store = await createSqliteStore({ path: file })
  onTestFinished(() => store.close())
  symlinkSync(file, `${file}.symbolic`)
  linkSync(file, `${file}.hard`)
  const names = [`${file}.symbolic`, `${file}.hard`, relative(process.cwd(), file)]
  for (const name of names)
    await expect(createSqliteStore({ path: name })).rejects.toMatchObject({ code: 'STORE_IN_USE' })
})

it('opens a file with a promise that nobody can read, and does its work on the others', async () => {
  const file = path()
  const before = await createSqliteStore({ path: file })
  const clock = createFakeClock()
  await before.create({ id: 'late', timeoutAtMs: Date.now() + 300 })
  await before.create({ id: 'pending', timeoutAtMs: clock.wallTimeMs() + 1e9 })
  await before.close()
  const database = new DatabaseSync(file)
  database.exec("INSERT INTO promises (id, promise, timeout_at) VALUES ('unread', '{', 1)")
  database.close()
  const store = await createSqliteStore({ path: file, clock, retention: { settledMs: 1000 } })
  onTestFinished(() => store.close())
  await expect(store.get('unread')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  // it timed out at its time, and is long gone on this clock
  expect(await store.get('late')).toBeUndefined()
  expect((await store.get('pending'))?.state).toBe('pending')
})

/** How often something was made durable: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
function countCommits(file: string): number {
  const log = readFileSync(`${file}-wal`)
  let count = 0
  for (let at = 32; at + 24 <= log.length; at += 24 + 4096) if (log.readUInt32BE(at + 4) !== 0) count += 1
  return count
}

it('waits for the disk once for all that was due while no host ran', async () => {
  const file = path()
  const before = await createSqliteStore({ path: file })
  const timeoutAtMs = Date.now() + 1000
  for (let index = 0; index < 100; index += 1) await before.create({ id: `p-${index}`, timeoutAtMs })
  await before.close()
  const options = { clock: createFakeClock(), retention: { settledMs: 1e15 } }
  const store = await createSqliteStore({ path: file, sync: 'full', ...options })
  onTestFinished(() => store.close())
  expect(countCommits(file)).toBeLessThan(10)
  expect(await store.get('p-99')).toMatchObject({ state: 'timedout', settledAtMs: timeoutAtMs })
})

it('removes what was settled long ago, and what timed out unseen', async () => {
  const clock = createFakeClock()
  const store = await createEmbeddedStore({ clock, retention: { settledMs: 100_000 } })
  const nowMs = clock.wallTimeMs()
  await store.create({ id: 'settled', timeoutAtMs: nowMs + 1e9 })
  await store.settle({ id: 'settled', state: 'resolved' })
  await store.create({ id: 'unseen', timeoutAtMs: nowMs + 10 })
  await store.create({ id: 'pending', timeoutAtMs: nowMs + 1e9 })
  clock.advance(100_011)
  // any call looks for what is old
  await store.get('other')
  await store.get('other')
  expect(await store.create({ id: 'settled', timeoutAtMs: nowMs + 1e9 })).toMatchObject({ created: true })
  expect(await store.create({ id: 'unseen', timeoutAtMs: nowMs + 1e9 })).toMatchObject({ created: true })
  expect(await store.create({ id: 'pending', timeoutAtMs: nowMs + 1e9 })).toMatchObject({ created: false })
  await store.close()
  expect(clock.pendingTimers).toBe(0)
})
