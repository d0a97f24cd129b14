import { type AbortOptions, type CapsuleError, type Clock, type IdSource, withAbort } from '@capsule/core'
import {
  type BindingSummary,
  type HostMessage,
  hostMessageSchema,
  type InspectAnswer,
  type InspectQuery,
} from '@capsule/protocol'
import { sessionErrors } from './errors.ts'
import { checked } from './checked.ts'

const defaultTimeoutMs = 5000

export interface InspectOptions extends AbortOptions {
  /** @defaultValue 5000 */
  readonly timeoutMs?: number
}

interface Pending {
  readonly resolve: (answer: InspectAnswer) => void
  readonly reject: (error: CapsuleError) => void
}

/** @throws INSPECT_FAILED */
export function bindingsOf(answer: InspectAnswer): readonly BindingSummary[] {
  if (answer.what === 'namespace') return answer.bindings
  const message = answer.what === 'failure' ? answer.error.message : `the worker answered ${answer.what}`
  throw sessionErrors.INSPECT_FAILED({ message })
}

/** The questions about the namespace that wait for their answers. */
export class Inspections {
  readonly #clock: Clock
  readonly #ids: IdSource
  readonly #pending = new Map<string, Pending>()
  /** Given up on, and not answered yet. */
  readonly #forgotten = new Set<string>()

  constructor({ clock, ids }: { clock: Clock; ids: IdSource }) {
    this.#clock = clock
    this.#ids = ids
  }

  /** @throws INVALID_OPTIONS, REQUEST_TIMED_OUT, CANCELLED, and what `failAll` gives */
  ask(
    query: InspectQuery,
    { signal, timeoutMs = defaultTimeoutMs }: InspectOptions,
    send: (message: HostMessage) => void,
  ): Promise<InspectAnswer> {
    const requestId = this.#ids.next('inspect')
    // the worker would take a malformed query for a hostile host and end
    const message = checked('inspect()', hostMessageSchema.safeParse({ type: 'inspect', requestId, query }))
    const { promise, resolve, reject } = Promise.withResolvers<InspectAnswer>()
    this.#pending.set(requestId, { resolve, reject })
    const onTimeout = (): void =>
      reject(sessionErrors.REQUEST_TIMED_OUT({ what: `inspect (${query.what})`, timeoutMs }))
    const timer = timeoutMs === Infinity ? undefined : this.#clock.setTimer(timeoutMs, onTimeout)
    try {
      send(message)
    } catch (error) {
      reject(error)
    }
    return withAbort(promise, signal, 'inspect').finally(() => {
      timer?.cancel()
      if (this.#pending.delete(requestId)) this.#forgotten.add(requestId)
    })
  }

  /** `false`: nobody asked. */
  answer(requestId: string, answer: InspectAnswer): boolean {
    const pending = this.#pending.get(requestId)
    pending?.resolve(answer)
    // an answer to a question that timed out or was cancelled is late, not wrong
    return this.#pending.delete(requestId) || this.#forgotten.delete(requestId)
  }

  failAll(error: CapsuleError): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
    this.#forgotten.clear()
  }
}
