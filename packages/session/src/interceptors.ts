import type { Clock, Logger } from '@capsule/core'
import type { Interceptor, SessionEvents } from './session.ts'
import type { Emitter } from './emitter.ts'

/** An interceptor that takes longer than this for one message is no longer called. */
const interceptorBudgetMs = 5

export interface Interceptors {
  received(message: object): void
  sent(message: object): void
}

interface InterceptorsOptions {
  readonly interceptors: readonly Interceptor[]
  readonly clock: Clock
  readonly logger: Logger
  readonly emitter: Emitter<SessionEvents>
}

/** Shows messages to passive observers; `undefined` when there are none, so that the message path pays nothing. */
export function createInterceptors(options: InterceptorsOptions): Interceptors | undefined {
  const { clock, logger, emitter } = options
  const active = new Set(options.interceptors)
  if (active.size === 0) return undefined
  const quarantine = (interceptor: Interceptor, reason: string): void => {
    if (!active.delete(interceptor)) return
    logger.warn('interceptor quarantined', { interceptor: interceptor.name, reason })
    emitter.emit('interceptor-quarantined', { name: interceptor.name, reason })
  }
  const show = (direction: 'received' | 'sent', message: object): void => {
    if (active.size === 0) return
    // shallow: enough to keep one interceptor from changing what the next one sees
    const copy = Object.freeze({ ...message })
    for (const interceptor of active) {
      const startedMs = clock.now()
      try {
        const result: unknown = interceptor[direction]?.(copy)
        // typed as returning nothing, which an async function satisfies
        if (result instanceof Promise) result.catch((error) => quarantine(interceptor, `it rejected: ${String(error)}`))
      } catch (error) {
        quarantine(interceptor, `it threw: ${String(error)}`)
      }
      const tookMs = clock.now() - startedMs
      if (tookMs > interceptorBudgetMs) quarantine(interceptor, `it took ${tookMs.toFixed(1)} ms for one message`)
    }
  }
  return { received: (message) => show('received', message), sent: (message) => show('sent', message) }
}
