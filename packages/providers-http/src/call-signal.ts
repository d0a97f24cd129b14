import { type Clock, coreErrors } from '@capsule/core'
import { httpErrors } from './errors.ts'

/** Ends everything that one call has open, whatever the reason. */
export interface CallSignal {
  /** Its reason is the error to throw. */
  readonly signal: AbortSignal
  /** Until the deadline. */
  leftMs(): number
  /** Why the call really failed: what it has open fails in many ways once the signal has fired. */
  failureOf(error: unknown): unknown
  /** Closes what is still open and forgets the deadline. */
  end(): void
}

/** Aborts when the cell is cancelled, or after `timeoutMs`: one deadline for redirects, retries and the body. */
export function createCallSignal(
  cancel: AbortSignal,
  { clock, timeoutMs, host }: { clock: Clock; timeoutMs: number; host: string },
): CallSignal {
  const controller = new AbortController()
  const endsAtMs = clock.now() + timeoutMs
  const onCancel = (): void => fail(coreErrors.CANCELLED({ what: 'http.fetch' }, { cause: cancel.reason }))
  const timer = clock.setTimer(timeoutMs, () => fail(httpErrors.HTTP_TIMED_OUT({ host, timeoutMs })))
  let failure: Error | undefined
  const abort = (reason: Error): void => {
    timer.cancel()
    cancel.removeEventListener('abort', onCancel)
    controller.abort(reason)
  }
  const fail = (reason: Error): void => {
    failure ??= reason
    abort(reason)
  }
  if (cancel.aborted) onCancel()
  else cancel.addEventListener('abort', onCancel)
  return {
    signal: controller.signal,
    leftMs: () => endsAtMs - clock.now(),
    failureOf: (error) => failure ?? error,
    end: () => abort(coreErrors.CANCELLED({ what: 'what is left of http.fetch' })),
  }
}
