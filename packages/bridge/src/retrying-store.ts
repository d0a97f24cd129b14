import { type AbortOptions, type Clock, createRandomIds, sleep } from '@capsule/core'
import { bridgeErrors } from './errors.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'
import type { KeepAlive } from './stores/keep-alive.ts'
import { backoffMs } from './stores/retries.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** How long one call is tried again, from its first failure on. */
  readonly retryMs: number
  /** Held while there is a pause: somebody waits for the end of it. */
  readonly keepAlive: KeepAlive
  readonly onRetry: () => void
}

/** Says whose call has made a promise, when the answer to it was lost. */
const creatorTag = 'creator'

/** The store, with what is STORE_UNAVAILABLE tried again for a while: creating and settling are idempotent. */
export function retryingStore(
  store: DurablePromiseStore,
  { clock, retryMs, keepAlive, onRetry }: RetryOptions,
): DurablePromiseStore {
  const marks = createRandomIds()
  const persistently = async <T>(call: (failures: number) => Promise<T>, { signal }: AbortOptions = {}): Promise<T> => {
    let untilMs: number | undefined
    for (let failures = 0; ; failures++) {
      const pauseMs = backoffMs(failures)
      try {
        return await call(failures)
      } catch (error) {
        untilMs ??= clock.now() + retryMs
        if (!bridgeErrors.STORE_UNAVAILABLE.is(error) || clock.now() + pauseMs > untilMs) throw error
      }
      onRetry()
      keepAlive.hold()
      await sleep(clock, pauseMs, { signal }).finally(() => keepAlive.release())
    }
  }
  return {
    capabilities: store.capabilities,
    create(promise, options) {
      const mark = marks.next('create')
      const marked = { ...promise, tags: { ...promise.tags, [creatorTag]: mark } }
      return persistently(async (failures) => {
        const { record, created } = await store.create(marked, options)
        // a call that failed may have made it all the same
        return { record, created: created || (failures > 0 && record.tags[creatorTag] === mark) }
      }, options)
    },
    get: (id, options) => persistently(() => store.get(id, options), options),
    settle: (settlement, options) => persistently(() => store.settle(settlement, options), options),
    wait: (id, options) => persistently(() => store.wait(id, options), options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
