import { type Clock, createRandomIds, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import { objectSchema } from '../store-options.ts'
import { HttpNetwork } from './http-network.ts'
import { createResonateStore } from './resonate-store.ts'
import { headersSchema, serverUrlSchema, tokenSchema } from '../../server-address.ts'

export interface ResonateHttpStoreOptions {
  /** Of the server, as `http://localhost:8001`; without credentials, query and fragment. */
  readonly url: string
  /** Sent as `Authorization: Bearer`, and in the head of each request. */
  readonly token?: string
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where messages for this process go, with a host name that the store makes up. @defaultValue 'capsule-store' */
  readonly group?: string
  /** How long one request may take, in whole milliseconds. @defaultValue 10 000 */
  readonly timeoutMs?: number
  /** For how long a call is tried again while the server does not answer, in milliseconds. @defaultValue 10 000 */
  readonly retryMs?: number
  /** How often each wait is registered again, in milliseconds; with many waits less often. @defaultValue 1000 */
  readonly rewaitMs?: number
  readonly clock?: Clock
}

// of AbortSignal.timeout(), and whole
const longestTimeoutMs = 2 ** 31 - 1

const optionsSchema = z.strictObject({
  url: serverUrlSchema,
  token: tokenSchema.optional(),
  headers: headersSchema.default({}),
  group: z
    .string()
    .regex(/^[\w-]{1,128}$/, 'must be 1 to 128 of A-Z, a-z, 0-9, _ -')
    .default('capsule-store'),
  timeoutMs: z.int().positive().max(longestTimeoutMs).default(10_000),
  retryMs: z.number().nonnegative().default(10_000),
  rewaitMs: z.number().min(10).default(1000),
  clock: objectSchema<Clock>().default(systemClock),
})

/** Promises of a Resonate server. The server need not be there yet. @throws INVALID_OPTIONS */
export async function createResonateHttpStore(options: ResonateHttpStoreOptions): Promise<DurablePromiseStore> {
  const parsed = checked('createResonateHttpStore()', optionsSchema.safeParse(options))
  const { url, token, headers, group, timeoutMs, retryMs, rewaitMs, clock } = parsed
  const host = createRandomIds().next('store')
  const parts = { url, token, headers, group, host, timeoutMs, clock }
  return createResonateStore({
    network: new HttpNetwork(parts),
    capabilities: { name: 'resonate-http' },
    retryMs,
    rewaitMs,
    clock,
  })
}
