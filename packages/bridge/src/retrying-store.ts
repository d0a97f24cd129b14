import { type AbortOptions, type Clock, sleep } from '@capsule/core'
import { bridgeErrors } from './errors.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'
import { backoffMs } from './stores/retries.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** How long one call is tried again, from its first failure on. */
  readonly retryMs: number
  readonly onRetry: () => void
}

/** The store, with what is STORE_UNAVAILABLE tried again for a while: creating and settling are idempotent. */
export function retryingStore(
  store: DurablePromiseStore,
  { clock, retryMs, onRetry }: RetryOptions,
): DurablePromiseStore {
  const persistently = async <T>(call: () => Promise<T>, { signal }: AbortOptions = {}): Promise<T> => {
    let untilMs: number | undefined
    for (let failures = 0; ; failures++) {
      const pauseMs = backoffMs(failures)
      try {
        return await call()
      } catch (error) {
        untilMs ??= clock.now() + retryMs
        if (!bridgeErrors.STORE_UNAVAILABLE.is(error) || clock.now() + pauseMs > untilMs) throw error
      }
      onRetry()
      await sleep(clock, pauseMs, { signal })
    }
  }
  return {
    capabilities: store.capabilities,
    create: (promise, options) => persistently(() => store.create(promise, options), options),
    get: (id, options) => persistently(() => store.get(id, options), options),
    settle: (settlement, options) => persistently(() => store.settle(settlement, options), options),
    wait: (id, options) => persistently(() => store.wait(id, options), options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
