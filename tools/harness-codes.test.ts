import { expect, it } from 'vitest'
import { capabilityErrors } from '../packages/capabilities/src/errors.ts'
import { coreErrors } from '../packages/core/src/core-errors.ts'
import { executorErrors } from '../packages/executor/src/errors.ts'
import { harnessErrors } from '../packages/provider-sdk/src/contract/harness-errors.ts'

// the harness of provider-sdk stands for the broker, which is of its layer: it cannot import the table
it('names as the harness of providers does what the broker says, by the same codes', () => {
  expect(Object.keys(harnessErrors).filter((code) => !Object.hasOwn(capabilityErrors, code))).toEqual([])
  for (const [code, row] of Object.entries(harnessErrors)) expect(row.code).toBe(code)
})

it('keeps what the broker, the worker and all others say of a call apart', () => {
  const codes = [capabilityErrors, executorErrors, coreErrors].flatMap((table) => Object.keys(table))
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
  expect(Object.keys(capabilityErrors)).toContain('CAPABILITY_EXECUTION_ENDED')
  expect(Object.keys(executorErrors)).toContain('CAPABILITY_OUTSIDE_CELL')
})
