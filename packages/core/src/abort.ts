import { coreErrors } from './core-errors.ts'

/** Every call that waits takes a signal under this name. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined
}

/** Throws `CANCELLED` (its `cause` is the signal's reason) when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw coreErrors.CANCELLED({ what }, { cause: signal.reason })
}

/**
 * Settles as `promise` does, or rejects with `CANCELLED` when the signal fires first.
 * The promise itself goes on; a later rejection of it is not reported as unhandled.
 */
export function withAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(coreErrors.CANCELLED({ what }, { cause: signal.reason }))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
