import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'CapsuleError',
    'Container',
    'capabilityBody',
    'capabilityCallOptions',
    'capabilityNamePattern',
    'capabilityReply',
    'coreErrors',
    'createChannel',
    'createCountingIds',
    'createLogger',
    'createRandomIds',
    'createToken',
    'defineErrors',
    'disposeAll',
    'isCapabilityReply',
    'isCapsuleError',
    'isReservedCapabilityName',
    'silentLogger',
    'sleep',
    'systemClock',
    'throwIfAborted',
    'withAbort',
    'withDeadline',
  ])
})
