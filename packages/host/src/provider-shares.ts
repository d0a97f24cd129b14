import { type CapabilityProvider, disposeAll } from '@capsule/core'
import { hostErrors } from './errors.ts'

/** One use of some providers; it ends in one of two ways, once. */
export interface ProviderShare {
  /** Disposes those that nobody else uses. @throws AggregateError of what their disposal throws */
  readonly release: () => Promise<void>
  /** They are their giver's again. */
  readonly giveBack: () => void
}

/** Which providers are in use: one that nobody uses any more is disposed. */
export class ProviderShares {
  readonly #holders = new Map<CapabilityProvider, number>()
  readonly #disposed = new WeakSet<CapabilityProvider>()

  /** @throws PROVIDER_DISPOSED */
  hold(providers: readonly CapabilityProvider[]): ProviderShare {
    const gone = providers.find((provider) => this.#disposed.has(provider))
    if (gone !== undefined) throw hostErrors.PROVIDER_DISPOSED({ provider: gone.name })
    for (const provider of providers) this.#holders.set(provider, (this.#holders.get(provider) ?? 0) + 1)
    let held = providers
    const leave = (): CapabilityProvider[] => {
      const left = held.filter((provider) => this.#leave(provider))
      held = []
      return left
    }
    return {
      release: async () => {
        const left = leave()
        for (const provider of left) this.#disposed.add(provider)
        await disposeAll(left, 'some providers failed to end')
      },
      giveBack: () => void leave(),
    }
  }

  /** Whether that was the last who used it. */
  #leave(provider: CapabilityProvider): boolean {
    const left = (this.#holders.get(provider) ?? 0) - 1
    if (left > 0) this.#holders.set(provider, left)
    else this.#holders.delete(provider)
    return left <= 0
  }
}
