import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'CapsuleError',
    'capabilityBody',
    'capabilityReply',
    'defaultCapabilityLimits',
    'defineErrors',
    'defineProvider',
    'isCapsuleError',
    'providerErrors',
    'streamable',
  ])
  expect(Object.keys(await import('./testing.ts')).sort()).toEqual([
    'callCapability',
    'createProviderChecks',
    'describeProviderContract',
  ])
})

it('keeps its error codes', async () => {
  const { providerErrors } = await import('./index.ts')
  expect(Object.keys(providerErrors).sort()).toEqual(['PROVIDER_DEFINITION_INVALID', 'PROVIDER_SECRET_UNAVAILABLE'])
})
