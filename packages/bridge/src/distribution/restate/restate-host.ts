import type { Timer } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import type { ServeOptions, ServingHost } from '../execution-distributor.ts'
import { reasonOf } from '../host-answer.ts'
import { HostedExecutions } from '../hosted-executions.ts'
import { createHostName, servingHost } from '../serving-host.ts'
import { RestateAdmin } from './restate-admin.ts'
import { RestateEndpoint } from './restate-endpoint.ts'
import { groupService, hostService } from './restate-names.ts'
import { type ResolvedRestateOptions, urlHost } from './restate-options.ts'
import { createRestateService } from './restate-service.ts'

/** A group outlives its hosts: what waits for one is asked again for ever. */
const groupRetries = {
  initialInterval: 50,
  exponentiationFactor: 2,
  maxInterval: 1000,
  maxAttempts: 2 ** 31 - 1,
  onMaxAttempts: 'pause',
} as const

/** A host that refuses its connections for about two seconds is gone, and its sessions with it. */
const hostRetries = {
  initialInterval: 50,
  exponentiationFactor: 2,
  maxInterval: 400,
  maxAttempts: 8,
  onMaxAttempts: 'kill',
} as const

/** How soon a port is tried again that could not be listened on. */
const reopenMs = 1000

/** What is answered already gets this long to reach the server. */
const flushMs = 5000

/**
 * Serves a group on the port that its hosts share, and this host alone on a port of its own.
 * @throws DISTRIBUTOR_UNAVAILABLE
 */
export async function serveRestateHost(
  { group, host: given, capacity, run }: ServeOptions & { readonly group: string },
  options: ResolvedRestateOptions & { readonly closed: AbortSignal },
  onShutdown: () => void,
): Promise<ServingHost> {
  const { clock, logger, closed: signal } = options
  const host = createHostName(given)
  const executions = new HostedExecutions({ host, capacity, run, clock, onChange: () => moveDoor() })
  const endpoints = createEndpoints({ group, host, executions }, options)
  const admin = new RestateAdmin(options)
  let reopening: Timer | undefined
  function moveDoor(): void {
    reopening?.cancel()
    if (!executions.hasFreePlace) return endpoints.group.shut()
    endpoints.group.open().catch((error: unknown) => {
      logger.error('the port of the group cannot be listened on', { host, reason: reasonOf(error) })
      // somebody took it while this door, the last one, was shut
      reopening?.cancel()
      reopening = clock.setTimer(reopenMs, moveDoor)
    })
  }
  const close = async (): Promise<void> => {
    await Promise.all([endpoints.group.close(flushMs), endpoints.own.close(flushMs)])
  }
  let ownId: string | undefined
  const unregister = async (): Promise<void> => {
    if (ownId === undefined) return
    await admin.unregister(ownId).catch((error: unknown) => {
      logger.warn('the server still lists a host that has ended', { host, reason: reasonOf(error) })
    })
  }
  try {
    await Promise.all([listen(endpoints.group), listen(endpoints.own)])
    const { groupUrl, ownUrl } = urlsOf(endpoints, options)
    ownId = await admin.register(hostService(options.namespace, group, host), ownUrl, { signal })
    await admin.register(groupService(options.namespace, group), groupUrl, { signal })
    return servingHost(host, executions, async (graceMs) => {
      await executions.drain(graceMs)
      await close()
      onShutdown()
      await unregister()
    })
  } catch (error) {
    await executions.drain(0)
    await close()
    await unregister()
    throw error
  }
}

interface Endpoints {
  readonly group: RestateEndpoint
  readonly own: RestateEndpoint
}

interface HostParts {
  readonly group: string
  readonly host: string
  readonly executions: HostedExecutions
}

function createEndpoints(
  { group, host, executions }: HostParts,
  { namespace, maxAttempts, retentionMs, lostAfterMs, logger, clock, endpoint }: ResolvedRestateOptions,
): Endpoints {
  const { bindAddress: address, groupPort, identityKeys } = endpoint
  const common = { host, maxAttempts, retentionMs, lostAfterMs, clock }
  const parts = { address, identityKeys, clock, logger: logger.child({ host }) }
  const groupRuns = createRestateService({
    ...common,
    name: groupService(namespace, group),
    admit: (id) => executions.tryAdmit(`group ${id}`),
    refusal: 'elsewhere',
    retryPolicy: groupRetries,
  })
  const ownRuns = createRestateService({
    ...common,
    name: hostService(namespace, group, host),
    admit: (id) => executions.admit(`host ${id}`),
    refusal: 'session-lost',
    retryPolicy: hostRetries,
  })
  return {
    group: new RestateEndpoint({ ...parts, service: groupRuns, port: groupPort, isShared: true }),
    own: new RestateEndpoint({ ...parts, service: ownRuns, port: 0, isShared: false }),
  }
}

function urlsOf({ own }: Endpoints, { endpoint }: ResolvedRestateOptions): { groupUrl: string; ownUrl: string } {
  const { bindAddress, groupPort, advertisedAddress = bindAddress } = endpoint
  const { groupUrl = `http://${urlHost(advertisedAddress)}:${groupPort}` } = endpoint
  return { groupUrl, ownUrl: `http://${urlHost(advertisedAddress)}:${own.port}` }
}

/** @throws DISTRIBUTOR_UNAVAILABLE */
async function listen(endpoint: RestateEndpoint): Promise<void> {
  try {
    await endpoint.open()
  } catch (error) {
    const details = { distributor: 'restate', action: `listen on port ${endpoint.port}`, reason: reasonOf(error) }
    throw bridgeErrors.DISTRIBUTOR_UNAVAILABLE(details, { cause: error })
  }
}
