import { join } from 'node:path'
import { createSqliteStore, type DurablePromiseStore } from '@capsule/bridge'
import { createPostgresStore } from '@capsule/bridge/postgres'
import type { PostgresServer } from '@capsule/testing'

/** Where the promises of one round are. */
export type StorePlace =
  | { readonly name: 'sqlite'; readonly folder: string }
  | { readonly name: 'postgres'; readonly connection: PostgresServer['connection']; readonly schema: string }

const variable = 'CAPSULE_TEST_STORE'

/** For the environment of a host. */
export const storeEnvironment = (place: StorePlace): Record<string, string> => ({ [variable]: JSON.stringify(place) })

/** What the environment of this host names. */
export const storeOfEnvironment = (): Promise<DurablePromiseStore> =>
  openStore(JSON.parse(process.env[variable] ?? '') as StorePlace)

export async function openStore(place: StorePlace): Promise<DurablePromiseStore> {
  switch (place.name) {
    case 'sqlite':
      return createSqliteStore({ path: join(place.folder, 'promises.db') })
    case 'postgres':
      return createPostgresStore({ connection: place.connection, schema: place.schema })
  }
}
