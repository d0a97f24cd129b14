import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'capabilityErrors',
    'createCapabilityBroker',
    'createCapabilityRegistry',
    'createJsonLinesAudit',
    'createMemoryAudit',
    'defaultBrokerLimits',
    'definePolicy',
    'diffPolicies',
    'inputCapability',
    'policies',
    'policyFor',
  ])
})

it('keeps its error codes', async () => {
  const { capabilityErrors } = await import('./index.ts')
  expect(Object.keys(capabilityErrors).sort()).toEqual([
    'APPROVAL_DENIED',
    'APPROVAL_TIMED_OUT',
    'CAPABILITY_ARGUMENTS_INVALID',
    'CAPABILITY_BUDGET_EXCEEDED',
    'CAPABILITY_DENIED',
    'CAPABILITY_EXECUTION_ENDED',
    'CAPABILITY_FAILED',
    'CAPABILITY_INPUT_TOO_LARGE',
    'CAPABILITY_KEY_CONFLICT',
    'CAPABILITY_NOT_REPEATABLE',
    'CAPABILITY_OVERLOADED',
    'CAPABILITY_RESULT_INVALID',
    'CAPABILITY_RESULT_TOO_LARGE',
    'CAPABILITY_REVOKED',
    'CAPABILITY_TIMED_OUT',
    'CAPABILITY_UNKNOWN',
    'POLICY_INVALID',
    'PROVIDER_CONFLICT',
    'PROVIDER_UNSUPPORTED',
  ])
})
