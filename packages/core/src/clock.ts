import { type AbortOptions, throwIfAborted } from './abort.ts'
import { coreErrors } from './core-errors.ts'

export interface Timer {
  /** Does nothing when the timer has fired or was cancelled. */
  cancel(): void
}

/** Where time comes from; tests inject a fake. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): number
  /** Milliseconds since the Unix epoch. */
  wallTimeMs(): number
  /** Calls back once after `delayMs`. A timer alone does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
}

// cells share `globalThis` with the worker's clock and may replace these; the engine's own replacements end with the cell
const { setTimeout, clearTimeout } = globalThis
const monotonicNow = performance.now.bind(performance)
const wallTimeNow = Date.now

// setTimeout turns a longer delay into 1 ms
const longestDelayMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => monotonicNow(),
  wallTimeMs: () => wallTimeNow(),
  setTimer(delayMs, callback) {
    let timeout: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const isLast = leftMs <= longestDelayMs
      timeout = setTimeout(isLast ? callback : () => arm(leftMs - longestDelayMs), Math.min(leftMs, longestDelayMs))
      timeout.unref()
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

/**
 * Waits `delayMs` on the given clock.
 * @throws CANCELLED when the signal fires first
 */
export async function sleep(clock: Clock, delayMs: number, { signal }: AbortOptions = {}): Promise<void> {
  throwIfAborted(signal, 'sleep')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = clock.setTimer(delayMs, resolve)
  const onAbort = (): void => reject(coreErrors.CANCELLED({ what: 'sleep' }, { cause: signal?.reason }))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/**
 * Settles as `promise` does, or rejects with `TIMED_OUT` after `timeoutMs`. `undefined` or `Infinity` means no deadline.
 * @throws TIMED_OUT
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  { clock, timeoutMs, what }: { clock: Clock; timeoutMs: number | undefined; what: string },
): Promise<T> {
  if (timeoutMs === undefined || timeoutMs === Infinity) return promise
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = clock.setTimer(timeoutMs, () => reject(coreErrors.TIMED_OUT({ what, timeoutMs })))
  try {
    return await Promise.race([promise, deadline])
  } finally {
    timer.cancel()
  }
}
