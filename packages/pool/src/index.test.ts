import { expect, it } from 'vitest'
import { poolErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual(['createPool', 'poolErrors', 'sessionOfLease'])
})

it('keeps its error codes', () => {
  expect(Object.keys(poolErrors)).toEqual([
    'POOL_EXHAUSTED',
    'POOL_CLOSED',
    'BREAKER_OPEN',
    'LEASE_ENDED',
    'MEMORY_UNKNOWN',
  ])
})
