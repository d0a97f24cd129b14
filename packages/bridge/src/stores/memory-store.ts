import { checked } from '../checked.ts'
import { bridgeErrors } from '../errors.ts'
import type { DurablePromiseStore, DurableRecord, StoreCapabilities } from './durable-promise-store.ts'
import { MemoryRecords } from './memory-records.ts'
import { checkCreate, checkId, checkSettle } from './store-calls.ts'
import { type MemoryStoreOptions, memoryStoreOptionsSchema } from './store-options.ts'
import { createWaiters } from './waiters.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'memory',
  persistent: false,
  shared: false,
  enforcesTimeouts: false,
})

/** Keeps promises as long as this process lives, and settled ones as long as the retention says. @throws INVALID_OPTIONS */
export function createMemoryStore(options: MemoryStoreOptions = {}): DurablePromiseStore {
  const { clock, retention } = checked('createMemoryStore()', memoryStoreOptionsSchema.safeParse(options))
  const waiters = createWaiters()
  const records = new MemoryRecords({ clock, retention, onSettled: (record) => waiters.resolve(record) })
  let isClosed = false

  const checkOpen = (): void => {
    if (isClosed) throw bridgeErrors.STORE_CLOSED({ store: capabilities.name })
  }
  const findOrThrow = (id: string): DurableRecord => {
    const record = records.find(id)
    if (record === undefined) throw bridgeErrors.PROMISE_NOT_FOUND({ id })
    return record
  }
  const close = async (): Promise<void> => {
    isClosed = true
    records.clear()
    waiters.close(bridgeErrors.STORE_CLOSED({ store: capabilities.name }))
  }

  return {
    capabilities,
    async create(promise, callOptions) {
      const { given } = checkCreate(promise, callOptions)
      checkOpen()
      const existing = records.find(given.id)
      return existing === undefined
        ? { record: records.add(given), created: true }
        : { record: existing, created: false }
    },
    async get(id, callOptions) {
      checkId('get()', id, callOptions)
      checkOpen()
      return records.find(id)
    },
    async settle(settlement, callOptions) {
      const { given } = checkSettle(settlement, callOptions)
      checkOpen()
      const found = findOrThrow(given.id)
      return found.state === 'pending'
        ? { record: records.settle(found, given), applied: true }
        : { record: found, applied: false }
    },
    async wait(id, callOptions) {
      const signal = checkId('wait()', id, callOptions)
      checkOpen()
      const record = findOrThrow(id)
      return record.state === 'pending' ? waiters.add(id, { signal }) : record
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
