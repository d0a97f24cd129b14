import { expect, it } from 'vitest'
import { describeCheckpointStoreContract } from './checkpoint-store-contract.ts'
import { createMemoryCheckpointStore } from './memory-checkpoint-store.ts'

describeCheckpointStoreContract('memory', { createStore: createMemoryCheckpointStore, abilities: { retention: true } })

it('refuses options that it does not know', async () => {
  const create = (options: object) => () => createMemoryCheckpointStore(options)
  const invalid = expect.objectContaining({ code: 'INVALID_OPTIONS' })
  expect(create({ retension: {} })).toThrow(invalid)
  expect(create({ retention: { maxCheckpoint: 5 } })).toThrow(invalid)
  expect(create({ retention: { maxCheckpoints: 0 } })).toThrow(invalid)
  const store = createMemoryCheckpointStore()
  await expect(store.list({ singal: AbortSignal.abort() } as object)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})

it('refuses what it could not give back', async () => {
  const store = createMemoryCheckpointStore({ limits: { blobBytes: 100 } })
  const bytes = new TextEncoder().encode('CAPSCKPT\x01\x00'.padEnd(101, '\0'))
  await expect(store.save({ id: 'a', bytes } as never)).rejects.toMatchObject({ code: 'CHECKPOINT_TOO_LARGE' })
})
