import assert from 'node:assert/strict'
import { isCapsuleError, systemClock, withDeadline } from '@capsule/core'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import type { DurablePromiseStoreContractOptions, StoreCheck, StoreWishes } from './store-contract.ts'

/** One check's stores, and waits with a deadline. */
export interface StoreBench {
  open(this: void, wishes?: StoreWishes): Promise<DurablePromiseStore>
  reopen(this: void, store: DurablePromiseStore): Promise<DurablePromiseStore>
  openSecond(this: void, store: DurablePromiseStore): Promise<DurablePromiseStore>
  cut(this: void, store: DurablePromiseStore): Promise<void>
  /** Settles as the promise does. @throws TIMED_OUT */
  settles<T>(this: void, promise: Promise<T>, what: string): Promise<T>
}

/** A check before it is bound to the stores it tries. */
export interface StoreCheckDefinition {
  readonly name: string
  readonly skipped?: string | undefined
  run(this: void, bench: StoreBench): Promise<void>
}

// unit: milliseconds of real time; what should happen at once
const deadlineMs = 10_000

function settles<T>(promise: Promise<T>, what: string): Promise<T> {
  return withDeadline(promise, { clock: systemClock, timeoutMs: deadlineMs, what })
}

export function bindStoreCheck(
  { name, skipped, run }: StoreCheckDefinition,
  options: DurablePromiseStoreContractOptions,
): StoreCheck {
  return {
    name,
    skipped,
    async run() {
      const opened: DurablePromiseStore[] = []
      const others: DurablePromiseStore[] = []
      const keep = <T extends DurablePromiseStore>(store: T, list: DurablePromiseStore[]): T => {
        list.push(store)
        return store
      }
      try {
        await run({
          open: async (wishes) => keep(await options.open(wishes), opened),
          reopen: async (store) => keep(await options.reopen!(store), others),
          openSecond: async (store) => keep(await options.openSecond!(store), others),
          cut: (store) => options.cut!(store),
          settles,
        })
      } finally {
        // a check of its own says when this fails or hangs
        for (const store of [...others, ...opened]) await settles(store.close(), 'close()').catch(() => {})
        for (const store of opened) await options.dispose?.(store)
      }
    },
  }
}

/** Asserts that it rejects with a CapsuleError of this code. */
export async function rejects(promise: Promise<unknown>, code: string, what: string): Promise<void> {
  const error: unknown = await settles(promise, what).then(
    (value) => assert.fail(`${what}: ${code} was expected, but it resolved to ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!isCapsuleError(error)) assert.fail(`${what}: ${code} was expected, but it rejected with ${String(error)}`)
  assert.equal(error.code, code, `${what}: ${error.message}`)
}

/** Long after every check. */
export const farMs = (): number => Date.now() + 3_600_000
