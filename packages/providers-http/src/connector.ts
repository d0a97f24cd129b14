import { promises as dns } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { isCapsuleError } from '@capsule/core'
import { Agent, buildConnector, Pool } from 'undici'
import { httpErrors } from './errors.ts'
import { addressOf } from './host-pattern.ts'
import type { UrlPolicy } from './url-policy.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** All addresses of a name; rejects with an error that has a `code`. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>

export const systemResolve: Resolve = (hostname) => dns.lookup(hostname, { all: true })

export interface ConnectorOptions {
  readonly policy: UrlPolicy
  readonly resolve: Resolve
  readonly connectTimeoutMs: number
  readonly maxHeaderBytes: number
  /** What is trusted besides the CAs that Node trusts; for tests. */
  readonly ca?: string | undefined
}

export interface Connections {
  readonly dispatcher: Agent
  /** The addresses that an error is about. They are not in it, as it reaches the cell. */
  readonly refusedBy: (error: unknown) => readonly string[] | undefined
}

/**
 * Kept connections by origin. Each is dialled to an address that the policy has allowed for this very origin, after the
 * name was resolved, so that what a name resolves to later changes nothing.
 */
export function createConnections({ maxHeaderBytes, ...options }: ConnectorOptions): Connections {
  const refusedBy = new WeakMap<object, readonly string[]>()
  const refuse: Refuse = (host, addresses) => {
    const error = httpErrors.HTTP_ADDRESS_NOT_ALLOWED({ host })
    refusedBy.set(error, addresses)
    return error
  }
  const dispatcher = new Agent({
    // HTTP/2 would share one connection between calls, and end them all when one is aborted by the server
    allowH2: false,
    maxHeaderSize: maxHeaderBytes,
    // the deadline of the call is for all of it
    headersTimeout: 0,
    bodyTimeout: 0,
    // an idle connection; the server may ask for more with `keep-alive: timeout=`
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 60_000,
    factory: (origin, poolOptions: Pool.Options) =>
      new Pool(origin, { ...poolOptions, connect: connectorFor(new URL(origin), { ...options, refuse }) }),
  })
  return {
    dispatcher,
    refusedBy: (error) => (typeof error === 'object' && error !== null ? refusedBy.get(error) : undefined),
  }
}

type Refuse = (host: string, addresses: readonly string[]) => Error

function connectorFor(
  origin: URL,
  { policy, resolve, connectTimeoutMs, ca, refuse }: Omit<ConnectorOptions, 'maxHeaderBytes'> & { refuse: Refuse },
): buildConnector.connector {
  const host = origin.hostname
  const isAllowed = (address: string): boolean => policy.isAddressAllowed(origin, address)
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    lookup: checkedLookup(resolve, { isAllowed, refuse }),
    // also where the environment says NODE_TLS_REJECT_UNAUTHORIZED=0
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  })
  return (connectOptions, callback) => {
    const address = addressOf(connectOptions.hostname)
    // `lookup` is not called for an address
    if (address !== undefined && !isAllowed(address)) return callback(refuse(host, [address]), null)
    // undici ends an attempt that nothing waits for any more through the socket that is returned here
    return connect(connectOptions, (...[error, socket]) => {
      if (error !== null) return callback(connectError(host, error), null)
      const { remoteAddress = '' } = socket
      if (isAllowed(remoteAddress)) return callback(null, socket)
      socket.destroy()
      callback(refuse(host, [remoteAddress]), null)
    })
  }
}

/** Gives only addresses that are allowed: what it gives is what is dialled. */
function checkedLookup(
  resolve: Resolve,
  { isAllowed, refuse }: { isAllowed: (address: string) => boolean; refuse: Refuse },
): LookupFunction {
  const resolveAllowed = callbackify(async (hostname: string) => {
    const found = await resolve(hostname).catch((error: unknown) => {
      throw httpErrors.HTTP_RESOLVE_FAILED({ host: hostname, reason: reasonOf(error) })
    })
    const allowed = found.filter(({ address }) => isAllowed(address))
    if (allowed.length > 0) return allowed
    const addresses = found.map(({ address }) => address)
    throw refuse(hostname, addresses)
  })
  return (hostname, { all = false }, callback) =>
    resolveAllowed(hostname, (error, allowed) => {
      const [first] = allowed ?? []
      if (first === undefined) callback(error, [])
      else if (all) callback(null, [...allowed])
      else callback(null, first.address, first.family)
    })
}

// the messages of Node name the address
function connectError(host: string, error: Error): Error {
  return isCapsuleError(error) ? error : httpErrors.HTTP_CONNECT_FAILED({ host, reason: reasonOf(error) })
}

export function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'unknown'
}
