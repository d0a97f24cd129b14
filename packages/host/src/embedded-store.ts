import { createEmbeddedStore, type DurablePromiseStore } from '@capsule/bridge'
import type { Clock } from '@capsule/core'

/** The store of a capsule that is given none: opened when the first promise is made. */
export function lazyEmbeddedStore(clock: Clock): DurablePromiseStore {
  let opened: Promise<DurablePromiseStore> | undefined
  const store = (): Promise<DurablePromiseStore> => (opened ??= createEmbeddedStore({ clock }))
  const close = async (): Promise<void> => {
    // one that was never opened is not opened any more
    if (opened !== undefined) await (await opened).close()
  }
  return {
    capabilities: { name: 'embedded', persistent: false, shared: false, enforcesTimeouts: false },
    create: async (promise, options) => (await store()).create(promise, options),
    get: async (id, options) => (await store()).get(id, options),
    settle: async (settlement, options) => (await store()).settle(settlement, options),
    wait: async (id, options) => (await store()).wait(id, options),
    close,
    [Symbol.asyncDispose]: close,
  }
}
