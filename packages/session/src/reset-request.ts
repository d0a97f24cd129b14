import type { CapsuleError, Clock, IdSource } from '@capsule/core'
import type { HostMessage, ResetAnswer } from '@capsule/protocol'
import { sessionErrors } from './errors.ts'

export interface ResetRequestOptions {
  readonly clock: Clock
  readonly ids: IdSource
  readonly cooperativeMs: number
  readonly graceMs: number
  readonly send: (message: HostMessage) => void
}

interface Pending {
  readonly requestId: string
  readonly resolve: (answer: ResetAnswer) => void
  readonly reject: (error: CapsuleError) => void
}

/** Asks the worker to empty its namespace; one at a time, which has the worker to itself. */
export class ResetRequest {
  readonly #options: ResetRequestOptions
  #pending: Pending | undefined

  constructor(options: ResetRequestOptions) {
    this.#options = options
  }

  /** @throws REQUEST_TIMED_OUT, and what `fail` gives */
  async ask(): Promise<ResetAnswer> {
    const { clock, ids, cooperativeMs, graceMs: timeoutMs, send } = this.#options
    const requestId = ids.next('reset')
    const { promise, resolve, reject } = Promise.withResolvers<ResetAnswer>()
    this.#pending = { requestId, resolve, reject }
    const onTimeout = (): void => reject(sessionErrors.REQUEST_TIMED_OUT({ what: 'reset', timeoutMs }))
    const timer = clock.setTimer(timeoutMs, onTimeout)
    try {
      send({ type: 'reset', requestId, cooperativeMs })
      return await promise
    } finally {
      timer.cancel()
      this.#pending = undefined
    }
  }

  /** `false`: nobody asked. */
  answer(requestId: string, answer: ResetAnswer): boolean {
    if (this.#pending?.requestId !== requestId) return false
    this.#pending.resolve(answer)
    return true
  }

  fail(error: CapsuleError): void {
    this.#pending?.reject(error)
  }
}
