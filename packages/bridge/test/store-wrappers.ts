import { bridgeErrors, type DurablePromiseStore } from '@capsule/bridge'

/** The same store, as several processes would see it. */
export function sharedView(store: DurablePromiseStore): DurablePromiseStore {
  return { ...store, capabilities: { ...store.capabilities, shared: true } }
}

type Call = 'create' | 'get' | 'settle' | 'wait'

export interface GatedStore extends DurablePromiseStore {
  /** Calls of this kind wait until the function returned is called. */
  hold(call: Call): () => void
  /** The next so many calls of this kind fail, after they had their effect if `isDone`. */
  fail(call: Call, times: number, isDone?: boolean): void
  readonly calls: readonly `${Call} ${string}`[]
}

/** A store whose calls a test can hold up or let fail. */
export function gatedStore(store: DurablePromiseStore): GatedStore {
  const gates = new Map<Call, Promise<void>>()
  const failures = new Map<Call, { times: number; isDone: boolean }>()
  const calls: `${Call} ${string}`[] = []
  const through = async <T>(call: Call, id: string, run: () => Promise<T>): Promise<T> => {
    calls.push(`${call} ${id}`)
    await gates.get(call)
    const failure = failures.get(call)
    if (failure === undefined || failure.times-- <= 0) return run()
    if (failure.isDone) await run()
    throw bridgeErrors.STORE_UNAVAILABLE({ store: 'gated', action: call, reason: 'the test says so' })
  }
  return {
    ...store,
    calls,
    hold(call) {
      const { promise, resolve } = Promise.withResolvers<void>()
      gates.set(call, promise)
      return () => {
        gates.delete(call)
        resolve()
      }
    },
    fail: (call, times, isDone = false) => void failures.set(call, { times, isDone }),
    create: (promise, options) => through('create', promise.id, () => store.create(promise, options)),
    get: (id, options) => through('get', id, () => store.get(id, options)),
    settle: (settlement, options) => through('settle', settlement.id, () => store.settle(settlement, options)),
    wait: (id, options) => through('wait', id, () => store.wait(id, options)),
  }
}

/** Lets all that needs no time happen. */
export async function settleQueue(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** What it rejects with; looked at from the start, so that it counts as handled. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not reject')
}
