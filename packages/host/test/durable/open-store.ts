import { join } from 'node:path'
import { createSqliteStore, type DurablePromiseStore } from '@capsule/bridge'

/** The stores that the kill tests run on. */
export const storeNames = ['sqlite'] as const

export async function openStore(name: string, folder: string): Promise<DurablePromiseStore> {
  switch (name) {
    case 'sqlite':
      return createSqliteStore({ path: join(folder, 'promises.db') })
    default:
      throw new Error(`no store ${name}`)
  }
}
