import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  const missing = join(path(), 'missing', 'promises.db')
  await expect(createSqliteStore({ path: missing })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(createSqliteStore({ path: ':memory:' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
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
