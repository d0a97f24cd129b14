import { expect, test } from 'vitest'
import * as namespace from './index.ts'

test('exports exactly the public API', () => {
  expect(Object.keys(namespace).sort()).toEqual(['createEngine', 'displayRenderers', 'namespaceErrors', 'toWireError'])
})

test('has these error codes', () => {
  expect(Object.keys(namespace.namespaceErrors).sort()).toEqual([
    'ENGINE_DISPOSED',
    'ENGINE_EXISTS',
    'GLOBAL_FIXED',
    'MODULES_UNAVAILABLE',
    'RESERVED_NAME',
    'UNKNOWN_EXECUTION',
  ])
})
