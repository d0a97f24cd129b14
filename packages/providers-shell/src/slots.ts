import { type AbortOptions, coreErrors, throwIfAborted } from '@capsule/core'

/** So many at once; the others wait in the order they came. */
export interface Slots {
  readonly count: number
  /** Resolves to what gives the slot back, which works once. @throws CANCELLED */
  take(what: string, options: AbortOptions): Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()
  const release = (): void => {
    const [next] = waiting
    if (next === undefined) free++
    else next()
  }
  const releaseOnce = (): (() => void) => {
    let isReleased = false
    return () => {
      if (!isReleased) release()
      isReleased = true
    }
  }
  return {
    count,
    async take(what, { signal }) {
      throwIfAborted(signal, what)
      if (free > 0) {
        free--
        return releaseOnce()
      }
      await new Promise<void>((resolve, reject) => {
        const settle = (then: () => void) => (): void => {
          waiting.delete(admit)
          signal?.removeEventListener('abort', onAbort)
          then()
        }
        const admit = settle(resolve)
        const onAbort = settle(() => reject(coreErrors.CANCELLED({ what }, { cause: signal?.reason })))
        waiting.add(admit)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
      return releaseOnce()
    },
  }
}
