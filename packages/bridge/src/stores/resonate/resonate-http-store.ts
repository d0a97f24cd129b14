import { validateHeaderName, validateHeaderValue } from 'node:http'
import { type Clock, createRandomIds, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import type { DurablePromiseStore } from '../durable-promise-store.ts'
import { objectSchema } from '../store-options.ts'
import { HttpNetwork } from './http-network.ts'
import { createResonateStore } from './resonate-store.ts'

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

// what HTTP cannot carry would be refused with each call, and by an error that shows it
const isHeader = (name: string, value: string): boolean => {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
const isBare = (url: string): boolean => {
  const { username, password, search, hash } = new URL(url)
  return [username, password, search, hash].every((part) => part === '')
}
const withoutSlashes = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`.replace(/\/+$/, '')
}

// of AbortSignal.timeout(), and whole
const longestTimeoutMs = 2 ** 31 - 1

const optionsSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, abort: true })
    .refine(isBare, 'must have no credentials, query or fragment; a token goes into `token` or `headers`')
    .transform(withoutSlashes),
  token: z
    .string()
    .min(1)
    .refine((token) => isHeader('authorization', token), 'has characters that no header can carry')
    .optional(),
  headers: z
    .record(z.string(), z.string())
    .refine((headers) => Object.entries(headers).every(([name, value]) => isHeader(name, value)), {
      error: 'have a name or a value that HTTP cannot carry',
    })
    .default({}),
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
