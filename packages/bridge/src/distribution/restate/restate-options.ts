import { isIP } from 'node:net'
import { type Clock, coreErrors, type Logger, silentLogger, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import { serverUrlSchema, tokenSchema } from '../../server-address.ts'
import { groupSchema } from '../distribution-options.ts'

export interface RestateDistributorOptions {
  /** @defaultValue 'http://127.0.0.1:8080' */
  readonly ingressUrl?: string
  /** Needed to serve. @defaultValue 'http://127.0.0.1:9070' */
  readonly adminUrl?: string
  /** Sent to both as `Authorization: Bearer`. */
  readonly token?: string
  /** Keeps apart what uses one server. @defaultValue 'capsule' */
  readonly namespace?: string
  readonly endpoint?: RestateEndpointOptions
  /** Runs that end without an outcome, until the execution is given up. @defaultValue 10 */
  readonly maxAttempts?: number
  /** A host of which nothing is heard for as long is lost, as one is whose machine lost its power. @defaultValue 60_000 */
  readonly lostAfterMs?: number
  /** How long outcomes are remembered. @defaultValue 24 hours */
  readonly retentionMs?: number
  /** How long a dispatch goes on asking a server that does not answer. @defaultValue 60_000 */
  readonly unavailableAfterMs?: number
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
}

/** Where the server reaches the hosts that this process serves. */
export interface RestateEndpointOptions {
  /** The address to listen on. Any but a loopback address needs `identityKeys`. @defaultValue '127.0.0.1' */
  readonly bindAddress?: string
  /** The port that the hosts of one group share. @defaultValue 9080 */
  readonly groupPort?: number
  /** What the server calls for the group, where that is a load balancer. @defaultValue `http://{advertisedAddress}:{groupPort}` */
  readonly groupUrl?: string
  /** The name or address under which the server reaches this very machine. @defaultValue `bindAddress` */
  readonly advertisedAddress?: string
  /** Only what the server signed with one of these is run (`publickeyv1_...`). */
  readonly identityKeys?: readonly string[]
}

const durationSchema = z.number().positive()

const endpointSchema = z.strictObject({
  bindAddress: z
    .string()
    .refine((address) => isIP(address) > 0, 'must be an IP address')
    .default('127.0.0.1'),
  groupPort: z.number().int().min(1).max(65_535).default(9080),
  groupUrl: serverUrlSchema.optional(),
  advertisedAddress: z.string().min(1).optional(),
  identityKeys: z.array(z.string().startsWith('publickeyv1_')).default([]),
})
const optionsSchema = z.strictObject({
  ingressUrl: serverUrlSchema.default('http://127.0.0.1:8080'),
  adminUrl: serverUrlSchema.default('http://127.0.0.1:9070'),
  token: tokenSchema.optional(),
  namespace: groupSchema.default('capsule'),
  endpoint: endpointSchema.prefault({}),
  maxAttempts: z.number().int().min(1).default(10),
  lostAfterMs: z.number().min(1000).default(60_000),
  retentionMs: durationSchema.default(24 * 60 * 60_000),
  unavailableAfterMs: durationSchema.default(60_000),
  clock: z.custom<Clock>().default(systemClock),
  logger: z.custom<Logger>().default(silentLogger),
})

export type ResolvedRestateOptions = z.output<typeof optionsSchema>

/** @throws INVALID_OPTIONS */
export function resolveRestateOptions(options: RestateDistributorOptions): ResolvedRestateOptions {
  const where = 'createRestateDistributor()'
  const resolved = checked(where, optionsSchema.safeParse(options))
  const { bindAddress, identityKeys } = resolved.endpoint
  // whoever reaches the endpoint has code run
  if (!isLoopback(bindAddress) && identityKeys.length === 0) {
    const problem = `endpoint: identityKeys: ${bindAddress} can be reached from elsewhere; give the server's keys`
    throw coreErrors.INVALID_OPTIONS({ where, problems: [problem] })
  }
  return resolved
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

/** A URL host: IPv6 in brackets. */
export function urlHost(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}

export function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}
