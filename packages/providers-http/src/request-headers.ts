import { httpErrors } from './errors.ts'

/** The name in lower case. */
export type HeaderPair = readonly [name: string, value: string]

/** What a cell may set where the host program says nothing else. */
export const defaultRequestHeaders: readonly string[] = Object.freeze([
  'accept',
  'accept-language',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'prefer',
  'range',
  'user-agent',
  'x-api-key',
])

// of the connection, of proxies, of what the provider sets; and those that make another method of the one that was checked
const neverAllowed: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
])

// all else may identify the cell or the host: x-api-key is no standard header, so no list of those would be complete
const keptAcrossOrigins: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'range',
  'user-agent',
])

// without /i, which takes the Kelvin sign for a k, as toLowerCase does
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

export const isHeaderName = (name: string): boolean => token.test(name)
export const isHeaderValue = (value: string): boolean => fieldValue.test(value)

/** Whether no option can open it. */
export const isNeverAllowed = (name: string): boolean => neverAllowed.has(name) || name.startsWith('proxy-')

/** The headers that are left when a redirect leads to another origin. */
export const headersForOtherOrigin = (headers: readonly HeaderPair[]): HeaderPair[] =>
  headers.filter(([name]) => keptAcrossOrigins.has(name))

/** The headers without those that describe a body, for a redirect that drops it. */
export const headersWithoutBody = (headers: readonly HeaderPair[]): HeaderPair[] =>
  headers.filter(([name]) => !name.startsWith('content-'))

/**
 * What a cell gave, in lower case, each name once.
 * @throws HTTP_HEADER_NOT_ALLOWED, HTTP_HEADERS_TOO_LARGE
 */
export function checkRequestHeaders(
  given: readonly HeaderPair[],
  { allowed, limitBytes }: { allowed: readonly string[]; limitBytes: number },
): HeaderPair[] {
  const checked = new Map<string, string>()
  let bytes = 0
  for (const [givenName, givenValue] of given) {
    const name = givenName.toLowerCase()
    const problem = isHeaderName(givenName) ? problemOf(name, givenValue, allowed) : 'has a name that is no header name'
    if (problem !== undefined) throw httpErrors.HTTP_HEADER_NOT_ALLOWED({ header: shown(givenName), problem })
    const value = givenValue.trim()
    bytes += name.length + value.length
    if (bytes > limitBytes) throw httpErrors.HTTP_HEADERS_TOO_LARGE({ side: 'request', limitBytes })
    const before = checked.get(name)
    checked.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return [...checked]
}

function problemOf(name: string, value: string, allowed: readonly string[]): string | undefined {
  if (isNeverAllowed(name)) return 'is set by the host alone: leave it out'
  if (!allowed.some((pattern) => coversName(pattern, name)))
    return 'is not one of those that may be set (`requestHeaders`)'
  if (!isHeaderValue(value)) return 'has a value with line breaks, NUL or characters beyond Latin-1'
  return undefined
}

function coversName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}

// a name may hold anything, and be of any length
const shown = (name: string): string => JSON.stringify(name.slice(0, 64))
