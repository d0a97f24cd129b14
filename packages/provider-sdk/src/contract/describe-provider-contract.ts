import { describe, expect, it } from 'vitest'
import { createProviderChecks } from './provider-checks.ts'
import type { ProviderContractOptions } from './provider-contract.ts'

// unit: milliseconds; a check has its own deadlines, which say more
const checkTimeoutMs = 120_000

/** What every provider keeps, written with `defineProvider` or by hand. Needs vitest. */
export function describeProviderContract(options: ProviderContractOptions): void {
  describe(`provider contract: ${options.name}`, () => {
    for (const { name, skipped, run } of createProviderChecks(options)) {
      const reason = skipped === undefined ? '' : ` (${skipped})`
      it.skipIf(skipped !== undefined)(`${name}${reason}`, { timeout: checkTimeoutMs }, async ({ skip }) => {
        const notTried = await run()
        if (notTried !== undefined) skip(notTried.skipped)
        expect(notTried).toBeUndefined()
      })
    }
  })
}
