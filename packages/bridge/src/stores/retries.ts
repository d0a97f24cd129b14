import { type Clock, sleep } from '@capsule/core'
import { createKeepAlive } from './keep-alive.ts'
import type { OpenCall } from './open-calls.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** For how long one call is tried again, in milliseconds. */
  readonly retryMs: number
  readonly call: OpenCall
  readonly isTransient: (error: unknown) => boolean
}

const firstDelayMs = 25
const longestDelayMs = 2000

/** Twice as long each time, and less by up to half, so that hosts do not come back all at once. */
export function backoffMs(failures: number): number {
  return Math.min(firstDelayMs * 2 ** Math.min(failures, 20), longestDelayMs) * (1 - Math.random() / 2)
}

/** Tries until it succeeds, fails for good, or the time is over; then with the last error. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { clock, retryMs, call, isTransient } = options
  const endMs = clock.now() + retryMs
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      const delayMs = backoffMs(failures)
      if (!isTransient(error) || clock.now() + delayMs > endMs) throw error
      // a call that has ended does not sleep: it throws
      await sleepAwake(clock, delayMs, call.signal)
    }
  }
}

async function sleepAwake(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const keepAlive = createKeepAlive()
  keepAlive.hold()
  keepAlive.close()
  try {
    await sleep(clock, delayMs, { signal })
  } finally {
    keepAlive.release()
  }
}
