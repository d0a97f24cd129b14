import { httpErrors } from './errors.ts'
import { type HeaderPair, headersForOtherOrigin, headersWithoutBody } from './request-headers.ts'
import type { RequestBody } from './request-body.ts'
import { parseRequestUrl } from './request-url.ts'

/** One request as the cell means it: without the headers that the provider adds. */
export interface HopRequest {
  readonly url: URL
  readonly method: string
  readonly headers: readonly HeaderPair[]
  readonly body: RequestBody
  /** Whether every hop so far went to the origin that the cell named: only there go secret headers. */
  readonly isFirstOrigin: boolean
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Where a response leads to, or undefined when it leads nowhere. */
export function locationOf(status: number, headers: readonly HeaderPair[], host: string): string | undefined {
  if (!redirectStatuses.has(status)) return undefined
  const locations = headers.filter(([name]) => name === 'location').map(([, value]) => value)
  if (locations.length > 1) throw httpErrors.HTTP_PROTOCOL_ERROR({ host, problem: 'two location headers' })
  // headers are Latin-1, URLs are UTF-8
  return locations[0] === undefined ? undefined : Buffer.from(locations[0], 'latin1').toString('utf8')
}

/**
 * The request that follows a redirect, by the rules of fetch, and stricter. The policy is asked about it as about any.
 * @throws HTTP_REDIRECT_REFUSED, HTTP_URL_INVALID
 */
export function redirectedRequest(
  request: HopRequest,
  { status, location, isPrivate }: { status: number; location: string; isPrivate: (url: URL) => boolean },
): HopRequest {
  const host = request.url.hostname
  const url = parseRequestUrl(location, request.url)
  const isSameOrigin = url.origin === request.url.origin
  if (request.url.protocol === 'https:' && url.protocol === 'http:') {
    throw httpErrors.HTTP_REDIRECT_REFUSED({ host, problem: 'it leads from https to http' })
  }
  if (!isSameOrigin && isPrivate(url)) {
    throw httpErrors.HTTP_REDIRECT_REFUSED({ host, problem: 'it leads from another origin to a private service' })
  }
  const { method, headers, body } = withRedirectedMethod(request, status)
  if (body.kind === 'stream') {
    throw httpErrors.HTTP_REDIRECT_REFUSED({ host, problem: 'the body was streamed and cannot be sent again' })
  }
  return {
    url,
    method,
    body,
    headers: isSameOrigin ? headers : headersForOtherOrigin(headers),
    isFirstOrigin: request.isFirstOrigin && isSameOrigin,
  }
}

function withRedirectedMethod(request: HopRequest, status: number): Pick<HopRequest, 'method' | 'headers' | 'body'> {
  const { method, headers, body } = request
  const isRewritten =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST'
  return isRewritten
    ? { method: 'GET', headers: headersWithoutBody(headers), body: { kind: 'none' } }
    : { method, headers, body }
}
