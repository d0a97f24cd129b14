import { throwIfAborted } from '@capsule/core'
import { checked } from '../../checked.ts'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import { createPool } from './postgres-pool.ts'
import { PostgresStore } from './postgres-store.ts'
import { type PostgresStoreOptions, postgresStoreOptionsSchema } from './postgres-store-options.ts'

/**
 * Promises in a table of PostgreSQL, shared by all hosts that use the same schema.
 * @throws INVALID_OPTIONS, STORE_UNAVAILABLE, STORE_UNAUTHORIZED, CANCELLED
 */
export async function createPostgresStore(options: PostgresStoreOptions): Promise<DurablePromiseStore> {
  const parsed = checked('createPostgresStore()', postgresStoreOptionsSchema.safeParse(options))
  throwIfAborted(parsed.signal, 'createPostgresStore()')
  const store = new PostgresStore(parsed.pool ?? (await createPool(parsed.connection!)), parsed)
  try {
    await store.start(parsed.signal)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}
