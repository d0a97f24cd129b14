import type { Clock } from '@capsule/core'
import * as clients from '@restatedev/restate-sdk-clients'
import { bridgeErrors } from '../../errors.ts'
import { decodeAnswer } from '../answer-text.ts'
import type { Place } from '../distribution-options.ts'
import type { DispatchedExecution } from '../execution-distributor.ts'
import { type HostAnswer, reasonOf } from '../host-answer.ts'
import { groupService, handlerName, hostService } from './restate-names.ts'
import { authorization, type ResolvedRestateOptions } from './restate-options.ts'

/** A request that was under way for longer had reached the server: only from its end on is the server gone. */
const reachedAfterMs = 1000

/**
 * Asks for an execution until the server has its answer. The id is the idempotency key: asking again joins.
 * @throws DISTRIBUTOR_UNAVAILABLE, SESSION_HOST_LOST
 */
export async function callRestate(
  execution: DispatchedExecution,
  { group, host }: Place,
  { signal, ...options }: ResolvedRestateOptions & { readonly signal: AbortSignal },
): Promise<HostAnswer> {
  const { ingressUrl: url, token, namespace } = options
  const patience = new Patience(options)
  const retry = { maxAttempts: false, maxDuration: false, initialInterval: 50, maxInterval: 1000 } as const
  const ingress = clients.connect({
    url,
    headers: authorization(token),
    fetch: (...request) => patience.fetch(...request),
    retry: { ...retry, shouldRetry: (failure) => patience.allows(failure) },
  })
  const service = host === undefined ? groupService(namespace, group) : hostService(namespace, group, host)
  const opts = clients.rpc.opts<DispatchedExecution, string>({ idempotencyKey: execution.id, signal })
  try {
    return decodeAnswer(await ingress.call({ service, handler: handlerName, parameter: execution, opts }))
  } catch (error) {
    if (host !== undefined && isHostGone(error, patience))
      throw bridgeErrors.SESSION_HOST_LOST({ host }, { cause: error })
    const reason = isUnknownService(error) ? `no host has served the group '${group}' yet` : explain(error)
    const details = { distributor: 'restate', action: `run ${execution.id}`, reason }
    throw bridgeErrors.DISTRIBUTOR_UNAVAILABLE(details, { cause: error })
  }
}

/** How long one call goes on asking a server that does not answer. */
class Patience {
  readonly #clock: Clock
  readonly #unavailableAfterMs: number
  /** The failure came from the invocation, which the server has ended, and not from the server. */
  isInvocationFailure = false
  #sentAtMs = 0
  #goneSinceMs: number | undefined

  constructor({ clock, unavailableAfterMs }: Pick<ResolvedRestateOptions, 'clock' | 'unavailableAfterMs'>) {
    this.#clock = clock
    this.#unavailableAfterMs = unavailableAfterMs
  }

  fetch(...request: Parameters<typeof fetch>): Promise<Response> {
    this.#sentAtMs = this.#clock.now()
    return fetch(...request)
  }

  allows(failure: clients.RetryFailure): boolean {
    this.isInvocationFailure =
      failure.kind === 'response' && failure.headers.get('x-restate-error-source') === 'invocation'
    const nowMs = this.#clock.now()
    if (this.#goneSinceMs === undefined || nowMs - this.#sentAtMs > reachedAfterMs) this.#goneSinceMs = nowMs
    return clients.defaultShouldRetry(failure) && nowMs - this.#goneSinceMs < this.#unavailableAfterMs
  }
}

const isUnknownService = (error: unknown): boolean => error instanceof clients.HttpCallError && error.status === 404

/** The host took itself off the server, or the server gave up to reach it. */
function isHostGone(error: unknown, { isInvocationFailure }: Patience): boolean {
  return isInvocationFailure || isUnknownService(error)
}

function explain(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error)
}
