import type { Clock, Logger } from '@capsule/core'
import type { Interceptor } from './session.ts'

/** An interceptor that takes longer than this for one message is no longer called. */
export const interceptorBudgetMs = 5

export interface Interceptors {
  received(message: object): void
  sent(message: object): void
}

interface InterceptorsOptions {
  readonly interceptors: readonly Interceptor[]
  readonly clock: Clock
  readonly logger: Logger
  readonly onQuarantine: (report: { name: string; reason: string }) => void
}

/** Shows messages to passive observers; `undefined` when there are none, so that the message path pays nothing. */
export function createInterceptors(options: InterceptorsOptions): Interceptors | undefined {
  const active = new Set(options.interceptors)
  if (active.size === 0) return undefined
  const show = (direction: 'received' | 'sent', message: object): void => {
    if (active.size === 0) return
    // shallow: enough to keep one interceptor from changing what the next one sees
    const copy = Object.freeze({ ...message })
    for (const interceptor of active) {
      const reason = objection(interceptor, direction, copy, options.clock)
      if (reason === undefined) continue
      active.delete(interceptor)
      options.logger.warn('interceptor quarantined', { interceptor: interceptor.name, reason })
      options.onQuarantine({ name: interceptor.name, reason })
    }
  }
  return { received: (message) => show('received', message), sent: (message) => show('sent', message) }
}

function objection(
  interceptor: Interceptor,
  direction: 'received' | 'sent',
  message: Readonly<Record<string, unknown>>,
  clock: Clock,
): string | undefined {
  const startedMs = clock.now()
  try {
    interceptor[direction]?.(message)
  } catch (error) {
    return `it threw: ${String(error)}`
  }
  const tookMs = clock.now() - startedMs
  return tookMs > interceptorBudgetMs ? `it took ${tookMs.toFixed(1)} ms for one message` : undefined
}
