import type { Capability, CapabilityProvider } from '@capsule/core'
import { capabilityLimits } from '@capsule/protocol'
import { capabilityErrors } from './errors.ts'
import { checkProvider } from './provider-check.ts'

export interface FoundCapability {
  /** `files.read` */
  readonly name: string
  readonly provider: CapabilityProvider
  readonly capability: Capability
}

/** The providers that sessions can be granted capabilities of. */
export interface CapabilityRegistry {
  /** Sessions that are open do not see it. @throws PROVIDER_CONFLICT, PROVIDER_UNSUPPORTED */
  register(provider: CapabilityProvider): void
  find(name: string): FoundCapability | undefined
  /** Of all capabilities, in the order of registration. */
  readonly names: readonly string[]
  readonly providers: readonly CapabilityProvider[]
  /** Disposes of every provider, also when one fails. Idempotent. @throws AggregateError */
  [Symbol.asyncDispose](): Promise<void>
}

/** @throws PROVIDER_CONFLICT, PROVIDER_UNSUPPORTED */
export function createCapabilityRegistry(providers: readonly CapabilityProvider[] = []): CapabilityRegistry {
  const registry = new ProviderRegistry()
  for (const provider of providers) registry.register(provider)
  return registry
}

class ProviderRegistry implements CapabilityRegistry {
  readonly #providers = new Map<string, CapabilityProvider>()
  readonly #capabilities = new Map<string, FoundCapability>()
  #disposed: Promise<void> | undefined

  get names(): readonly string[] {
    return [...this.#capabilities.keys()]
  }

  get providers(): readonly CapabilityProvider[] {
    return [...this.#providers.values()]
  }

  register(provider: CapabilityProvider): void {
    const problems = checkProvider(provider)
    const name = problems.length === 0 ? provider.name : String(Object(provider).name)
    const keys = problems.length === 0 ? Object.keys(provider.capabilities) : []
    const { maxCapabilities } = capabilityLimits
    if (this.#capabilities.size + keys.length > maxCapabilities) {
      problems.push(`capabilities: a registry holds at most ${maxCapabilities}`)
    }
    if (this.#disposed !== undefined) problems.push('the registry is disposed')
    if (problems.length > 0) throw capabilityErrors.PROVIDER_UNSUPPORTED({ provider: name.slice(0, 64), problems })
    if (this.#providers.has(name)) throw capabilityErrors.PROVIDER_CONFLICT({ provider: name })
    this.#providers.set(name, provider)
    for (const key of keys) {
      const capability = provider.capabilities[key] as Capability
      const fullName = `${name}.${key}`
      this.#capabilities.set(fullName, { name: fullName, provider, capability })
    }
  }

  find(name: string): FoundCapability | undefined {
    return this.#capabilities.get(name)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= disposeProviders(this.providers)
    return this.#disposed
  }
}

async function disposeProviders(providers: readonly CapabilityProvider[]): Promise<void> {
  const results = await Promise.allSettled(providers.map(async (provider) => provider[Symbol.asyncDispose]()))
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  if (failed.length > 0) throw new AggregateError(failed, `${failed.length} providers could not be disposed of`)
}
