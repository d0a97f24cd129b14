import { type AbortOptions, type Clock, createRandomIds, isCapsuleError } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import { createOpenCalls, type OpenCall, type OpenCalls } from '../open-calls.ts'
import { withRetries } from '../retries.ts'
import {
  type ResonateNetwork,
  type ResonatePromise,
  resonateProtocolVersion,
  type ResonateRequest,
  type ResonateResponse,
} from './resonate-network.ts'
import { isResonatePromise } from './resonate-record.ts'

export interface ResonateCallsParts {
  readonly network: ResonateNetwork
  readonly name: string
  readonly clock: Clock
  readonly retryMs: number
}

type RequestBody<Request = ResonateRequest> = Request extends unknown ? Omit<Request, 'head'> : never

// unit: characters of what a server says
const longestReason = 200
const refused = new Set([401, 403])
/** Too many requests, and every failure of the server. */
const isPassing = (status: number): boolean => status === 429 || status >= 500

/** Requests with an answer: a promise, or an error of the bridge. */
export class ResonateCalls {
  readonly #parts: ResonateCallsParts
  readonly #open: OpenCalls = createOpenCalls()
  readonly #ids = createRandomIds()

  constructor(parts: ResonateCallsParts) {
    this.#parts = parts
  }

  /** Unique to a call, the same for each time that it is sent. */
  nextToken(): string {
    return this.#ids.next('call')
  }

  /** @throws STORE_UNAVAILABLE, STORE_UNAUTHORIZED, STORE_CLOSED, PROMISE_NOT_FOUND, CANCELLED */
  promise(action: string, body: RequestBody, { signal, retryMs }: AbortOptions & { retryMs?: number } = {}) {
    const { clock, retryMs: longestMs } = this.#parts
    return this.#open.run(`${action}()`, signal, (call) =>
      withRetries({ clock, retryMs: retryMs ?? longestMs, call, isTransient: isUnanswered }, () =>
        this.#ask(action, body, call),
      ).catch((error: unknown): never => {
        if (isUnanswered(error)) throw this.#unavailable(action, error.reason, error.cause)
        throw error
      }),
    )
  }

  close(): void {
    this.#open.close(bridgeErrors.STORE_CLOSED({ store: this.#parts.name }))
  }

  async #ask(action: string, body: RequestBody, call: OpenCall): Promise<ResonatePromise> {
    const head = { corrId: this.#ids.next('request'), version: resonateProtocolVersion }
    const { head: answer, data } = await this.#send({ ...body, head } as ResonateRequest, call)
    const { status } = answer
    const id = 'id' in body.data ? body.data.id : body.data.awaited
    const { name: store } = this.#parts
    if (status === 200) {
      const { promise } = (data ?? {}) as { promise?: unknown }
      if (isResonatePromise(promise) && promise.id === id) return promise
      throw new Unanswered('it answered 200 without the promise', undefined)
    }
    const reason = `it answered ${status}${typeof data === 'string' && data !== '' ? ` (${data.slice(0, longestReason)})` : ''}`
    if (status === 404) throw bridgeErrors.PROMISE_NOT_FOUND({ id })
    if (refused.has(status)) throw bridgeErrors.STORE_UNAUTHORIZED({ store, action, reason })
    if (isPassing(status)) throw new Unanswered(reason, undefined)
    throw this.#unavailable(action, reason, undefined)
  }

  async #send(request: ResonateRequest, call: OpenCall): Promise<ResonateResponse> {
    try {
      return await this.#parts.network.send(request, call)
    } catch (error) {
      if (isCapsuleError(error)) throw error
      throw new Unanswered(error instanceof Error ? error.message : String(error), error)
    }
  }

  #unavailable(action: string, reason: string, cause: unknown): Error {
    return bridgeErrors.STORE_UNAVAILABLE({ store: this.#parts.name, action, reason }, { cause })
  }
}

/** What may succeed when it is tried again. */
class Unanswered extends Error {
  readonly reason: string

  constructor(reason: string, cause: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}
const isUnanswered = (error: unknown): error is Unanswered => error instanceof Unanswered
