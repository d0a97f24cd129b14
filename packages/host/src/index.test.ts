import { expect, it } from 'vitest'
import { hostErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'createCapsule',
    'createDirectoryCheckpointStore',
    'createJsonLinesAudit',
    'createMemoryAudit',
    'createMemoryCheckpointStore',
    'createSqliteStore',
    'customDriver',
    'definePolicy',
    'hostErrors',
    'isConfined',
    'policies',
    'poolErrors',
    'readCheckpoint',
    'sandboxErrors',
    'tokens',
  ])
})

it('keeps its error codes', () => {
  expect(Object.keys(hostErrors)).toEqual([
    'SESSION_UNKNOWN',
    'MODULES_NOT_OFFERED',
    'POOL_NOT_CONFIGURED',
    'PROVIDER_DISPOSED',
    'CAPSULE_CLOSED',
  ])
})
