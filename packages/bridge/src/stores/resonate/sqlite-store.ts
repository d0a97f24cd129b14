import { resolve } from 'node:path'
import { type Clock, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import {
  type MemoryStoreOptions,
  memoryStoreOptionsSchema,
  objectSchema,
  persistentRetentionSchema,
  type StoreRetention,
} from '../store-options.ts'
import { createResonateStore } from './resonate-store.ts'
import { SqliteNetwork, type SqliteNetworkParts } from './sqlite-network.ts'

export interface SqliteStoreOptions {
  /** Of the file; made when it is missing, in a folder that exists. */
  readonly path: string
  /**
   * `normal`: what was acknowledged survives the end of the process, however it ends. `full`: also that of the machine; each call
   * waits for the disk. @defaultValue 'normal'
   */
  readonly sync?: 'normal' | 'full'
  readonly retention?: StoreRetention
  readonly clock?: Clock
}

const sqliteStoreOptionsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .refine((path) => path !== ':memory:', 'use createEmbeddedStore() to keep nothing'),
  sync: z.enum(['normal', 'full']).default('normal'),
  retention: persistentRetentionSchema,
  clock: objectSchema<Clock>().default(systemClock),
})

/**
 * Resonate's rules over SQLite in memory: what a bridge uses when it is given no store. Keeps promises as long as this process lives.
 * @throws INVALID_OPTIONS
 */
export async function createEmbeddedStore(options: MemoryStoreOptions = {}): Promise<DurablePromiseStore> {
  const parsed = checked('createEmbeddedStore()', memoryStoreOptionsSchema.safeParse(options))
  return openStore('embedded', { path: ':memory:', sync: 'normal', ...parsed })
}

/**
 * Resonate's rules over a SQLite file, for one process at a time.
 * @throws INVALID_OPTIONS, STORE_IN_USE, STORE_UNAVAILABLE
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<DurablePromiseStore> {
  const parsed = checked('createSqliteStore()', sqliteStoreOptionsSchema.safeParse(options))
  return openStore('sqlite', { ...parsed, path: resolve(parsed.path) })
}

function openStore(name: 'embedded' | 'sqlite', parts: SqliteNetworkParts): Promise<DurablePromiseStore> {
  const isKept = name === 'sqlite'
  return createResonateStore({
    network: new SqliteNetwork(parts),
    capabilities: { name, persistent: isKept, shared: false, enforcesTimeouts: isKept },
    // it is in this process: nothing is lost on the way, and what fails now fails again
    retryMs: 0,
    rewaitMs: Infinity,
    clock: parts.clock,
  })
}
