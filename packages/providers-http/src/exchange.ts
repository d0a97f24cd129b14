import { type Clock, isCapsuleError, sleep } from '@capsule/core'
import type { Dispatcher } from 'undici'
import type { CallSignal } from './call-signal.ts'
import { acceptedCodings } from './content-decoding.ts'
import type { HopRequest } from './redirect.ts'
import { sentBody } from './request-body.ts'
import type { HeaderPair } from './request-headers.ts'
import { isIdempotent, isRetriedFailure, retryAfterMs, retryDelayMs, type RetryRules } from './retry.ts'
import { transportError } from './transport-error.ts'

export interface HopResponse {
  readonly status: number
  readonly statusText: string
  /** As they came: names in lower case, values as Latin-1. */
  readonly headers: readonly HeaderPair[]
  readonly body: Dispatcher.ResponseData['body']
}

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly retry?: RetryRules | undefined
  readonly maxRequestBytes: number
  readonly maxHeaderBytes: number
}

// unit: characters. No limit of the HTTP parser covers it.
const statusTextLength = 256
const dumpedBytes = 64 * 1024

/** One call's requests, one after the other. */
export interface Exchange {
  /** So far, over all hops. */
  readonly attempts: number
  /** One hop, sent again as the retry rules say. */
  send(request: HopRequest, secretHeaders: readonly HeaderPair[]): Promise<HopResponse>
}

export function createExchange(call: CallSignal, options: ExchangeOptions): Exchange {
  const { clock, random, retry } = options
  let attempts = 0

  const delayMs = (response: HopResponse | undefined): number | undefined => {
    if (retry === undefined || attempts >= retry.attempts) return undefined
    const afterMs = response === undefined ? 0 : retryAfterMs(response.headers, clock.wallTimeMs())
    const waitMs = retryDelayMs(retry, { attempt: attempts, jitter: random(), retryAfterMs: afterMs })
    return waitMs < call.leftMs() ? waitMs : undefined
  }

  return {
    get attempts() {
      return attempts
    },
    async send(request, secretHeaders) {
      const isRepeatable = isIdempotent(request.method) && request.body.kind !== 'stream'
      for (;;) {
        attempts++
        const answer = await attempt(request, { secretHeaders, call, options })
        const isRetried =
          'failure' in answer ? isRetriedFailure(answer.failure) : retry?.statuses.includes(answer.status)
        const waitMs =
          isRepeatable && isRetried === true ? delayMs('failure' in answer ? undefined : answer) : undefined
        if (waitMs !== undefined) {
          if (!('failure' in answer)) await dumpBody(answer, call.signal)
          await sleep(clock, waitMs, { signal: call.signal })
        } else if ('failure' in answer) throw answer.failure
        else return answer
      }
    },
  }
}

/** Reads a body that nobody wants, so that its connection can be used again; a long one closes it. */
export async function dumpBody({ body }: HopResponse, signal: AbortSignal): Promise<void> {
  await body.dump({ limit: dumpedBytes, signal }).catch(() => {})
}

async function attempt(
  request: HopRequest,
  {
    secretHeaders,
    call: { signal },
    options: { dispatcher, maxRequestBytes, maxHeaderBytes },
  }: { secretHeaders: readonly HeaderPair[]; call: CallSignal; options: ExchangeOptions },
): Promise<HopResponse | { readonly failure: unknown }> {
  const { url, method } = request
  try {
    const response = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: sentHeaders(request, secretHeaders).flat(),
      body: sentBody(request.body, { signal, limitBytes: maxRequestBytes }),
      signal,
      responseHeaders: 'raw',
    })
    return {
      status: response.statusCode,
      statusText: response.statusText.slice(0, statusTextLength),
      headers: pairsOf(response.headers as unknown as readonly string[]),
      body: response.body,
    }
  } catch (error) {
    signal.throwIfAborted()
    return { failure: isCapsuleError(error) ? error : transportError(error, { host: url.hostname, maxHeaderBytes }) }
  }
}

/** The host's headers replace a cell's of the same name. */
function sentHeaders({ headers, body }: HopRequest, secretHeaders: readonly HeaderPair[]): HeaderPair[] {
  const sent = new Map<string, string>([['accept', '*/*'], ['user-agent', 'capsule'], ...headers, ...secretHeaders])
  // a part of a compressed body cannot be decompressed
  sent.set('accept-encoding', sent.has('range') ? 'identity' : acceptedCodings)
  if (body.kind === 'bytes' && body.isText && !sent.has('content-type'))
    sent.set('content-type', 'text/plain;charset=UTF-8')
  return [...sent]
}

function pairsOf(raw: readonly string[]): HeaderPair[] {
  const pairs: HeaderPair[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([(raw[index] ?? '').toLowerCase(), raw[index + 1] ?? ''])
  }
  return pairs
}
