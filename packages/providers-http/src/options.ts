import { coreErrors } from '@capsule/core'
import * as z from 'zod'
import { addressOf, type HostPattern, parseHostPattern } from './host-pattern.ts'
import { isPrivateAddress } from './public-address.ts'
import { defaultRequestHeaders, isHeaderName, isHeaderValue, isNeverAllowed } from './request-headers.ts'
import { parseSecretTarget, type SecretHeaderOptions, type SecretValue } from './secret-headers.ts'

/** When a request is sent again: only idempotent methods, and no streamed body. */
export interface RetryOptions {
  /** Of one call, the first included: 2 to 10. @defaultValue 3 */
  readonly attempts?: number
  /** @defaultValue 429, 502, 503, 504 */
  readonly statuses?: readonly number[]
  /** The longest first wait; it doubles with each. @defaultValue 200 */
  readonly baseDelayMs?: number
  /** @defaultValue 5000 */
  readonly maxDelayMs?: number
}

export interface HttpOptions {
  /**
   * Hosts that may be reached: `api.example.com`, `*.example.com` (all names below, not itself), `203.0.113.5`,
   * `[2001:db8::1]`, `*` (all public ones). With `:port`, only that port.
   */
  readonly allow: readonly string[]
  /** Hosts that may not be reached although `allow` covers them; without a port, at no port. @defaultValue none */
  readonly deny?: readonly string[]
  /**
   * `host:port` of services that may have a private or loopback address: `127.0.0.1:8080`, `minio.internal:9000`. No need to
   * repeat them in `allow`. @defaultValue none
   */
  readonly allowPrivate?: readonly string[]
  /** @defaultValue GET, HEAD */
  readonly methods?: readonly string[]
  /** @defaultValue https, http */
  readonly schemes?: readonly ('https' | 'http')[]
  /** Open besides the default port of the scheme, on hosts that `allow` names without a port. @defaultValue none */
  readonly ports?: readonly number[]
  /** 0 to 20. @defaultValue 5 */
  readonly maxRedirects?: number
  /** Of the decoded body. @defaultValue 8 MiB */
  readonly maxResponseBytes?: number
  /** @defaultValue 1 MiB */
  readonly maxRequestBytes?: number
  /** Of all names and values, in each direction. @defaultValue 16 KiB */
  readonly maxHeaderBytes?: number
  /** Calls of one session that run at once, until their bodies are read. @defaultValue 16 */
  readonly maxConcurrent?: number
  /** Of a whole call: redirects, retries and the body. @defaultValue 30000 */
  readonly timeoutMs?: number
  /** Of resolving, connecting and TLS. @defaultValue 10000 */
  readonly connectTimeoutMs?: number
  /** @defaultValue off */
  readonly retry?: RetryOptions
  /** Headers that a cell may set, in place of the default ones; `x-trace-*` covers a prefix. @defaultValue `defaultRequestHeaders` */
  readonly requestHeaders?: readonly string[]
  /**
   * Headers that only the host knows: `{ 'api.example.com': { authorization: 'Bearer …' } }`. They are sent over https to the host
   * that the cell named, and nowhere that a redirect leads; `http://host` as the key allows plain text.
   */
  readonly secretHeaders?: SecretHeaderOptions
}

const hostPattern = z.string().transform((text, context): HostPattern => {
  const pattern = parseHostPattern(text)
  if (pattern !== undefined) return pattern
  context.addIssue({
    code: 'custom',
    message: `${quoted(text)} is no host: write example.com, *.example.com, an address or *, and :port`,
  })
  return z.NEVER
})
const hostList = z.array(hostPattern)

const privateHost = hostPattern.refine(({ kind, port }) => kind === 'exact' && port !== undefined, {
  message: "must be one host with its port, such as '127.0.0.1:8080'",
})
const bytes = z.number().int().positive()
const durationMs = z.number().int().positive()
const method = z
  .string()
  .regex(/^[A-Za-z]{1,32}$/, 'must be a method, such as POST')
  .transform((text) => text.toUpperCase())
  .refine((text) => !['CONNECT', 'TRACE', 'TRACK'].includes(text), 'CONNECT, TRACE and TRACK cannot be granted')
const headerName = z
  .string()
  .refine(
    (name) => isHeaderName(name) && !isNeverAllowed(name.toLowerCase()),
    'must be a header name, and none of the connection',
  )
const secretValue = z.custom<SecretValue>(
  (value) => typeof value === 'function' || (typeof value === 'string' && value !== '' && isHeaderValue(value)),
  'must be a header value or a function that gives one',
)
const secretTarget = z
  .string()
  .refine((text) => parseSecretTarget(text) !== undefined, 'must be a host such as api.example.com, *.example.com:8443')

const optionsSchema = z
  .strictObject({
    allow: hostList,
    deny: hostList.default([]),
    allowPrivate: z.array(privateHost).default([]),
    methods: z.array(method).nonempty().default(['GET', 'HEAD']),
    schemes: z
      .array(z.enum(['https', 'http']))
      .nonempty()
      .default(['https', 'http']),
    ports: z.array(z.number().int().min(1).max(65_535)).default([]),
    maxRedirects: z.number().int().min(0).max(20).default(5),
    maxResponseBytes: bytes.default(8 * 1024 * 1024),
    maxRequestBytes: bytes.default(1024 * 1024),
    maxHeaderBytes: bytes.default(16 * 1024),
    maxConcurrent: z.number().int().positive().default(16),
    timeoutMs: durationMs.default(30_000),
    connectTimeoutMs: durationMs.default(10_000),
    retry: z
      .strictObject({
        attempts: z.number().int().min(2).max(10).default(3),
        statuses: z.array(z.number().int().min(400).max(599)).default([429, 502, 503, 504]),
        baseDelayMs: durationMs.default(200),
        maxDelayMs: durationMs.default(5000),
      })
      .optional(),
    requestHeaders: z.array(headerName.transform((name) => name.toLowerCase())).default([...defaultRequestHeaders]),
    secretHeaders: z.record(secretTarget, z.record(headerName, secretValue)).default({}),
  })
  .superRefine(({ allow, allowPrivate }, context) => {
    if (allow.length + allowPrivate.length === 0)
      context.addIssue({ code: 'custom', path: ['allow'], message: 'must name a host' })
    for (const [index, { hostname }] of allowPrivate.entries()) {
      const address = addressOf(hostname)
      if (address === undefined || isPrivateAddress(address)) continue
      const message = `${address} is not a private or loopback address: name public ones in allow; others are never reached`
      context.addIssue({ code: 'custom', path: ['allowPrivate', index], message })
    }
  })

export type CheckedHttpOptions = z.output<typeof optionsSchema>

/** @throws INVALID_OPTIONS */
export function checkHttpOptions(options: HttpOptions, isPublic: (address: string) => boolean): CheckedHttpOptions {
  const { success, data, error } = optionsSchema.safeParse(options)
  const problems = success
    ? unreachable(data, isPublic)
    : error.issues.map(({ path, message }) => `${path.map(String).join('.') || 'options'}: ${message}`)
  if (problems.length > 0 || !success) throw coreErrors.INVALID_OPTIONS({ where: 'http()', problems })
  return data
}

/** Addresses in `allow` that would be refused at every call. */
function unreachable({ allow }: CheckedHttpOptions, isPublic: (address: string) => boolean): string[] {
  return allow.flatMap(({ hostname }, index) => {
    const address = addressOf(hostname)
    if (address === undefined || isPublic(address)) return []
    return [
      `allow.${index}: ${address} is no public address: name it with its port in allowPrivate if it may be reached`,
    ]
  })
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 64))
