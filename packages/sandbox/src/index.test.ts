import { expect, it } from 'vitest'
import { sandboxErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'createBwrapDriver',
    'createPermissionDriver',
    'createPlainDriver',
    'createWatchdog',
    'customDriver',
    'defaultConfinedHeapMb',
    'defaultConfinedRssMb',
    'defaultDrivers',
    'isConfined',
    'isolationLevels',
    'probeWatchdog',
    'resolveIsolation',
    'sandboxErrors',
  ])
})

it('keeps its error codes', () => {
  expect(Object.keys(sandboxErrors)).toEqual([
    'ISOLATION_UNAVAILABLE',
    'WATCHDOG_UNAVAILABLE',
    'MEMORY_LIMIT_EXCEEDED',
    'CPU_LIMIT_EXCEEDED',
  ])
})
