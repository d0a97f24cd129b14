import { expect, it } from 'vitest'
import { hostErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'createCapsule',
    'createDirectoryCheckpointStore',
    'createMemoryCheckpointStore',
    'customDriver',
    'hostErrors',
    'isConfined',
    'readCheckpoint',
    'sandboxErrors',
    'tokens',
  ])
})

it('keeps its error codes', () => {
  expect(Object.keys(hostErrors)).toEqual(['CAPSULE_CLOSED'])
})
