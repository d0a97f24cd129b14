import { type Clock, coreErrors, throwIfAborted } from '@capsule/core'
import { sessionErrors } from './errors.ts'

interface StartLimits {
  readonly clock: Clock
  readonly readyTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** Waits for `start`, but no longer than its limits; `start` itself goes on. @throws READY_TIMEOUT, CANCELLED */
export async function withinLimits(start: () => Promise<void>, limits: StartLimits): Promise<void> {
  const { clock, readyTimeoutMs: timeoutMs, signal } = limits
  const what = 'starting the worker'
  throwIfAborted(signal, what)
  const { promise: over, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(coreErrors.CANCELLED({ what }, { cause: signal?.reason }))
  const onTimeout = (): void => reject(sessionErrors.READY_TIMEOUT({ timeoutMs }))
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = timeoutMs === Infinity ? undefined : clock.setTimer(timeoutMs, onTimeout)
  try {
    await Promise.race([over, start()])
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
