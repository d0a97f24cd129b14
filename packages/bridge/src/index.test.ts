import { expect, it } from 'vitest'
import { bridgeErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'bridgeErrors',
    'createBridge',
    'createDurableExecutions',
    'createEmbeddedStore',
    'createLocalDistributor',
    'createMemoryStore',
    'createResonateHttpStore',
    'createResonateStore',
    'createSqliteStore',
  ])
  expect(Object.keys(await import('./postgres.ts'))).toEqual(['createPostgresStore'])
  expect(Object.keys(await import('./testing.ts')).sort()).toEqual([
    'createDurablePromiseStoreChecks',
    'describeDurablePromiseStoreContract',
    'describeExecutionDistributorContract',
  ])
})

it('keeps its error codes', () => {
  expect(Object.keys(bridgeErrors)).toEqual([
    'BRIDGE_CLOSED',
    'BRIDGE_OVERLOADED',
    'KEY_INVALID',
    'VALUE_NOT_RECORDED',
    'RECORD_MALFORMED',
    'PROMISE_TIMED_OUT',
    'PROMISE_CANCELLED',
    'SEND_FAILED',
    'OUTCOME_NOT_SAVED',
    'EXECUTION_CONFLICT',
    'EXECUTION_STOPPED',
    'LEASE_LOST',
    'REPLAY_DIVERGED',
    'INPUT_NOT_ASKED',
    'CALL_CONFLICT',
    'STORE_UNAVAILABLE',
    'STORE_CLOSED',
    'STORE_UNAUTHORIZED',
    'STORE_IN_USE',
    'PROMISE_NOT_FOUND',
    'DISTRIBUTOR_UNAVAILABLE',
    'DISTRIBUTOR_CLOSED',
    'SESSION_HOST_LOST',
    'EXECUTION_ABANDONED',
    'HOST_DRAINED',
  ])
})
