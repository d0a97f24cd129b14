import { type AbortOptions, type CapsuleError, coreErrors, throwIfAborted } from '@capsule/core'
import type { DurableRecord } from './durable-promise-store.ts'
import { createKeepAlive } from './keep-alive.ts'

/** The waits of this process, by promise. While there is one the process stays alive. */
export interface Waiters {
  /** How many promises somebody waits for. */
  readonly size: number
  /** Promises that somebody waits for. */
  readonly ids: Iterable<string>
  has(id: string): boolean
  /** @throws CANCELLED */
  add(id: string, options?: AbortOptions): Promise<DurableRecord>
  /** Everyone who waits for this promise gets the record. */
  resolve(record: DurableRecord): void
  reject(id: string, error: CapsuleError): void
  /** Everyone who waits is rejected; nobody may wait any more. */
  close(error: CapsuleError): void
}

interface Waiter {
  readonly resolve: (record: DurableRecord) => void
  readonly reject: (error: CapsuleError) => void
  readonly detach: () => void
}

export function createWaiters({ onLeft }: { onLeft?: (id: string) => void } = {}): Waiters {
  const waiting = new Map<string, Set<Waiter>>()
  const keepAlive = createKeepAlive()

  const leave = (id: string): void => {
    waiting.delete(id)
    if (waiting.size === 0) keepAlive.release()
    onLeft?.(id)
  }
  const take = (id: string): Iterable<Waiter> => {
    const waiters = waiting.get(id)
    if (waiters === undefined) return []
    leave(id)
    for (const waiter of waiters) waiter.detach()
    return waiters
  }
  const reject = (id: string, error: CapsuleError): void => {
    for (const waiter of take(id)) waiter.reject(error)
  }

  return {
    get size() {
      return waiting.size
    },
    get ids() {
      return waiting.keys()
    },
    has: (id) => waiting.has(id),
    add(id, { signal } = {}) {
      throwIfAborted(signal, 'wait()')
      const { promise, resolve, reject: fail } = Promise.withResolvers<DurableRecord>()
      const onAbort = (): void => {
        waiters.delete(waiter)
        if (waiters.size === 0) leave(id)
        fail(coreErrors.CANCELLED({ what: 'wait()' }, { cause: signal?.reason }))
      }
      const detach = (): void => signal?.removeEventListener('abort', onAbort)
      const waiter = { resolve, reject: fail, detach }
      signal?.addEventListener('abort', onAbort, { once: true })
      if (waiting.size === 0) keepAlive.hold()
      const waiters = waiting.get(id) ?? new Set()
      waiting.set(id, waiters.add(waiter))
      return promise
    },
    resolve(record) {
      for (const waiter of take(record.id)) waiter.resolve(record)
    },
    reject,
    close(error) {
      for (const id of waiting.keys()) reject(id, error)
      keepAlive.close()
    },
  }
}
