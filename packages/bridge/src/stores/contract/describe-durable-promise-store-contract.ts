import { describe, expect, it } from 'vitest'
import { createDurablePromiseStoreChecks } from './store-checks.ts'
import type { DurablePromiseStoreContractOptions } from './store-contract.ts'

// unit: milliseconds; a check has its own deadlines, which say more
const checkTimeoutMs = 60_000

/** What every durable promise store keeps to. Needs vitest. */
export function describeDurablePromiseStoreContract(options: DurablePromiseStoreContractOptions): void {
  describe(`durable promise store contract: ${options.name}`, () => {
    for (const { name, skipped, run } of createDurablePromiseStoreChecks(options)) {
      const reason = skipped === undefined ? '' : ` (${skipped})`
      it.skipIf(skipped !== undefined)(`${name}${reason}`, { timeout: checkTimeoutMs }, async () => {
        await expect(run()).resolves.toBeUndefined()
      })
    }
  })
}
