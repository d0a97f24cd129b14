import { argumentChecks } from './argument-checks.ts'
import { createBench } from './bench.ts'
import { bodyChecks } from './body-checks.ts'
import { callChecks } from './call-checks.ts'
import type { CheckDefinition } from './checks.ts'
import { capabilityDefinitionChecks, definitionChecks } from './definition-checks.ts'
import { disposeChecks } from './dispose-checks.ts'
import type { ProviderCheck, ProviderContractOptions } from './provider-contract.ts'
import { capabilitySecretChecks, secretChecks } from './secret-checks.ts'

/** The rules of the contract one by one, for a test runner other than vitest. */
export function createProviderChecks(options: ProviderContractOptions): readonly ProviderCheck[] {
  const ofCapabilities = Object.entries(options.calls).flatMap(([name, samples]) => [
    ...capabilityDefinitionChecks(name),
    ...argumentChecks(name, samples),
    ...callChecks(name, samples),
    ...bodyChecks(name, samples),
    ...capabilitySecretChecks(name, options),
  ])
  return [...definitionChecks, ...secretChecks, ...ofCapabilities, ...disposeChecks(options)].map((check) =>
    bind(check, options),
  )
}

function bind({ name, skipped, run }: CheckDefinition, options: ProviderContractOptions): ProviderCheck {
  return {
    name,
    skipped,
    async run() {
      const bench = createBench(await options.create(), options)
      try {
        return (await run(bench)) ?? undefined
      } finally {
        // a check of its own says when this fails or hangs
        const disposed = (async () => bench.provider[Symbol.asyncDispose]())()
        await bench.settles(disposed, 'the provider').catch(() => {})
      }
    },
  }
}
