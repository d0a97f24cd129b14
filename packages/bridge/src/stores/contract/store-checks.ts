import { closeChecks } from './close-checks.ts'
import { createChecks } from './create-checks.ts'
import { modelChecks } from './model-checks.ts'
import { settleChecks } from './settle-checks.ts'
import { persistenceChecks, sharedChecks } from './shared-checks.ts'
import { bindStoreCheck } from './store-bench.ts'
import type { DurablePromiseStoreContractOptions, StoreCheck } from './store-contract.ts'
import { timeoutChecks } from './timeout-checks.ts'
import { waitChecks } from './wait-checks.ts'

/** The rules of the contract one by one, for a test runner other than vitest. */
export function createDurablePromiseStoreChecks(options: DurablePromiseStoreContractOptions): readonly StoreCheck[] {
  const checks = [
    ...createChecks,
    ...settleChecks,
    ...waitChecks,
    ...timeoutChecks,
    ...closeChecks(options),
    ...persistenceChecks(options),
    ...sharedChecks(options),
    ...modelChecks(options),
  ]
  return checks.map((check) => bindStoreCheck(check, options))
}
