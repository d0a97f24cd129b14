import type { Clock, Logger } from '@capsule/core'
import type { Emitter } from './emitter.ts'
import { type InterceptorBudget, type InterceptorInfo, InterceptorMeter } from './interceptor-budget.ts'
import type { Interceptor } from './interceptor.ts'
import type { SessionEvents } from './session.ts'

export interface Interceptors {
  received(message: object): void
  sent(message: object): void
  /** In the order they were given. */
  readonly info: readonly InterceptorInfo[]
}

interface InterceptorsOptions {
  readonly interceptors: readonly Interceptor[]
  readonly interceptorBudget: InterceptorBudget
  readonly clock: Clock
  readonly logger: Logger
  readonly emitter: Emitter<SessionEvents>
}

/** One interceptor, what it took, and why it is no longer called, if so. */
interface Watched {
  readonly interceptor: Interceptor
  readonly meter: InterceptorMeter
  quarantined?: string
}

/** Shows messages to passive observers; `undefined` when there are none, so that the message path pays nothing. */
export function createInterceptors(options: InterceptorsOptions): Interceptors | undefined {
  const { clock, logger, emitter, interceptorBudget: budget } = options
  const all = Array.from(new Set(options.interceptors), (interceptor): Watched => {
    return { interceptor, meter: new InterceptorMeter(budget) }
  })
  const active = new Set(all)
  if (active.size === 0) return undefined
  const quarantine = (watched: Watched, reason: string): void => {
    if (!active.delete(watched)) return
    watched.quarantined = reason
    const { name } = watched.interceptor
    logger.warn('interceptor quarantined', { interceptor: name, reason })
    emitter.emit('interceptor-quarantined', { name, reason })
  }
  const show = (direction: 'received' | 'sent', message: object): void => {
    if (active.size === 0) return
    // shallow: enough to keep one interceptor from changing what the next one sees
    const copy = Object.freeze({ ...message })
    for (const watched of active) {
      const { interceptor, meter } = watched
      if (interceptor[direction] === undefined) continue
      const startedMs = clock.now()
      let thrown: string | undefined
      try {
        const result: unknown = interceptor[direction](copy)
        // typed as returning nothing, which an async function satisfies
        if (result instanceof Promise) {
          result.catch((error) => quarantine(watched, `it rejected: ${String(error)}`))
        }
      } catch (error) {
        thrown = `it threw: ${String(error)}`
      }
      const tooMuch = meter.took(startedMs, clock.now())
      const reason = thrown ?? tooMuch
      if (reason !== undefined) quarantine(watched, reason)
    }
  }
  return {
    received: (message) => show('received', message),
    sent: (message) => show('sent', message),
    get info() {
      return all.map(infoOf)
    },
  }
}

function infoOf({ interceptor: { name }, meter: { messages, totalMs, maxMs }, quarantined }: Watched): InterceptorInfo {
  return { name, messages, totalMs, maxMs, ...(quarantined !== undefined && { quarantined }) }
}
