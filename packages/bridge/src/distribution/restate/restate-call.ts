import * as clients from '@restatedev/restate-sdk-clients'
import { bridgeErrors } from '../../errors.ts'
import { decodeAnswer } from '../answer-text.ts'
import type { Place } from '../distribution-options.ts'
import type { DispatchedExecution } from '../execution-distributor.ts'
import { type HostAnswer, reasonOf } from '../host-answer.ts'
import { Patience } from './patience.ts'
import { groupService, handlerName, hostService } from './restate-names.ts'
import { authorization, type ResolvedRestateOptions } from './restate-options.ts'

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
    const reason = isUnknownService(error, patience) ? `no host has served the group '${group}' yet` : explain(error)
    const details = { distributor: 'restate', action: `run ${execution.id}`, reason }
    throw bridgeErrors.DISTRIBUTOR_UNAVAILABLE(details, { cause: error })
  }
}

/** The server itself knows none of that name; anything else at that URL says 404 of everything. */
const isUnknownService = (error: unknown, { source }: Patience): boolean =>
  error instanceof clients.HttpCallError && error.status === 404 && source === 'ingress'

/** The host took itself off the server, or the server gave up to reach it. */
function isHostGone(error: unknown, patience: Patience): boolean {
  // a host refuses what is no execution
  const isRefusal = error instanceof clients.HttpCallError && error.status === 400
  return isUnknownService(error, patience) || (patience.source === 'invocation' && !isRefusal)
}

function explain(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error)
}
