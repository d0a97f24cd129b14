import { type CapabilityProvider, disposeAll } from '@capsule/core'

/** Which providers are in use: one that nobody uses any more is disposed. */
export class ProviderShares {
  readonly #holders = new Map<CapabilityProvider, number>()

  /** Returns the release, which is idempotent and rejects with what the disposal of a provider throws. */
  hold(providers: readonly CapabilityProvider[]): () => Promise<void> {
    for (const provider of providers) this.#holders.set(provider, (this.#holders.get(provider) ?? 0) + 1)
    let isReleased = false
    return async () => {
      if (isReleased) return
      isReleased = true
      await disposeAll(
        providers.filter((provider) => this.#leave(provider)),
        'some providers failed to end',
      )
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
