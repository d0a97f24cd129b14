import { join } from 'node:path'
import type { DurablePromiseStore } from '@capsule/bridge'
import { createJournalStore } from './journal-store.ts'

/** The stores that the kill tests run on. */
export const storeNames = ['journal'] as const

export async function openStore(name: string, folder: string): Promise<DurablePromiseStore> {
  switch (name) {
    case 'journal':
      return createJournalStore(join(folder, 'promises.jsonl'))
    default:
      throw new Error(`no store ${name}`)
  }
}
