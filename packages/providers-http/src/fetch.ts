import type { Clock } from '@capsule/core'
import { capabilityBody, type CapabilityContext, type CapabilityReply, capabilityReply } from '@capsule/provider-sdk'
import { type CallSignal, createCallSignal } from './call-signal.ts'
import type { Connections } from './connector.ts'
import { codingsOf } from './content-decoding.ts'
import { httpErrors } from './errors.ts'
import { createExchange, dumpBody, type Exchange, type HopResponse } from './exchange.ts'
import type { FetchInput, FetchOutput } from './fetch-input.ts'
import type { CheckedHttpOptions } from './options.ts'
import { type HopRequest, locationOf, redirectedRequest } from './redirect.ts'
import { requestBodyOf } from './request-body.ts'
import { checkRequestHeaders, type HeaderPair } from './request-headers.ts'
import { parseRequestUrl } from './request-url.ts'
import { createResponseBody } from './response-body.ts'
import type { SecretHeaders } from './secret-headers.ts'
import { transportError } from './transport-error.ts'
import type { UrlPolicy } from './url-policy.ts'

export interface FetchParts {
  readonly options: CheckedHttpOptions
  readonly policy: UrlPolicy
  readonly secretHeaders: SecretHeaders
  readonly connections: Connections
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
}

/** The handler of `http.fetch`. */
export function createFetch(
  parts: FetchParts,
): (input: FetchInput, context: CapabilityContext) => Promise<CapabilityReply> {
  const { options, connections, clock } = parts
  return async (input, context) => {
    const first = firstRequest(input, context, parts)
    const host = first.url.hostname
    const timeoutMs = Math.min(options.timeoutMs, context.limits.timeoutMs)
    const call = createCallSignal(context.signal, { clock, timeoutMs, host })
    const exchange = createExchange(call, { ...parts, ...options, dispatcher: connections.dispatcher })
    try {
      const { request, response, hops } = await followed(first, input.redirect, { call, exchange, context, parts })
      context.annotate({ host: request.url.hostname, status: response.status, hops, attempts: exchange.attempts })
      return reply(request, response, { hops, call, context, options })
    } catch (error) {
      call.end()
      context.annotate({ host, attempts: exchange.attempts })
      const addresses = connections.refusedBy(error)
      if (addresses !== undefined) context.logger.warn('http.fetch: refused addresses', { host, addresses })
      throw call.failureOf(error)
    }
  }
}

/** @throws HTTP_URL_INVALID, HTTP_HEADER_NOT_ALLOWED, HTTP_HEADERS_TOO_LARGE, HTTP_REQUEST_TOO_LARGE */
function firstRequest(input: FetchInput, context: CapabilityContext, { options }: FetchParts): HopRequest {
  const { url, method, headers = {}, body } = input
  const isStreamed = body === capabilityBody
  return {
    url: parseRequestUrl(url),
    method,
    headers: checkRequestHeaders(pairsOf(headers), {
      allowed: options.requestHeaders,
      limitBytes: options.maxHeaderBytes,
    }),
    body: requestBodyOf(isStreamed ? undefined : body, {
      streamed: isStreamed ? context.body : undefined,
      limitBytes: options.maxRequestBytes,
    }),
    isFirstOrigin: true,
  }
}

interface Followed {
  readonly request: HopRequest
  readonly response: HopResponse
  readonly hops: number
}

/** Asks the whole policy before every hop. */
async function followed(
  first: HopRequest,
  redirect: FetchInput['redirect'],
  {
    call,
    exchange,
    context: { secrets },
    parts: { options, policy, secretHeaders },
  }: { call: CallSignal; exchange: Exchange; context: CapabilityContext; parts: FetchParts },
): Promise<Followed> {
  const { methods, maxRedirects } = options
  let request = first
  for (let hops = 0; ; hops++) {
    const { url, method, isFirstOrigin } = request
    policy.check(url)
    if (!methods.includes(method)) throw httpErrors.HTTP_METHOD_NOT_ALLOWED({ method, allowed: methods })
    const response = await exchange.send(request, isFirstOrigin ? secretHeaders.headersFor(url, secrets) : [])
    const { status, headers } = response
    const host = url.hostname
    const location = redirect === 'manual' ? undefined : locationOf(status, headers, host)
    if (location === undefined) return { request, response, hops }
    if (redirect === 'error') {
      throw httpErrors.HTTP_REDIRECT_REFUSED({ host, problem: 'the call says `redirect: "error"`' })
    }
    if (hops >= maxRedirects) throw httpErrors.HTTP_TOO_MANY_REDIRECTS({ maxRedirects })
    request = redirectedRequest(request, { status, location, isPrivate: policy.isPrivateAllowed })
    await dumpBody(response, call.signal)
  }
}

/** @throws HTTP_DECODE_FAILED, HTTP_RESPONSE_TOO_LARGE */
function reply(
  { url, method }: HopRequest,
  { status, statusText, headers, body }: HopResponse,
  {
    hops,
    call,
    context,
    options,
  }: { hops: number; call: CallSignal; context: CapabilityContext; options: CheckedHttpOptions },
): CapabilityReply {
  const host = url.hostname
  const limitBytes = Math.min(options.maxResponseBytes, context.limits.outputBytes)
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304
  const codings = hasBody ? codingsOf(valueOf(headers, 'content-encoding'), host) : []
  if (hasBody && Number(valueOf(headers, 'content-length')) > limitBytes) {
    throw httpErrors.HTTP_RESPONSE_TOO_LARGE({ host, limitBytes })
  }
  const value: FetchOutput = { status, statusText, url: url.href, redirected: hops > 0, headers: pairsOf(headers) }
  return capabilityReply(
    value,
    createResponseBody(body, {
      host,
      codings,
      limitBytes,
      failureOf: (error) => call.failureOf(transportError(error, { host, maxHeaderBytes: options.maxHeaderBytes })),
      onEnd(bytes) {
        call.end()
        context.annotate({ bytes })
      },
    }),
  )
}

function valueOf(headers: readonly HeaderPair[], name: string): string {
  return headers
    .filter(([each]) => each === name)
    .map(([, value]) => value)
    .join(',')
}

function pairsOf(headers: Readonly<Record<string, string>> | readonly HeaderPair[]): [string, string][] {
  return Array.isArray(headers)
    ? (headers as readonly HeaderPair[]).map(([name, value]) => [name, value])
    : Object.entries(headers as Readonly<Record<string, string>>)
}
