import type { AbortOptions, Clock } from '@capsule/core'
import { createEventStream, type EventStream } from './event-stream.ts'
import type { ResonateMessage, ResonateNetwork, ResonateRequest, ResonateResponse } from './resonate-network.ts'

export interface HttpNetworkParts {
  readonly url: string
  readonly token: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly group: string
  readonly host: string
  /** Of one request. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Resonate's protocol over HTTP: requests, and one event stream from the first wait on. Unlike the SDK's own it tells a refusal (401, 403) from a
 * server that is down, and holds the process only while a request runs.
 */
export class HttpNetwork implements ResonateNetwork {
  readonly unicast: string
  readonly #parts: HttpNetworkParts
  readonly #stream: EventStream
  #onMessage: (message: ResonateMessage) => void = () => {}
  #onGap: () => void = () => {}

  constructor(parts: HttpNetworkParts) {
    this.#parts = parts
    const { url, group, host, clock } = parts
    this.unicast = `poll://uni@${group}/${host}`
    this.#stream = createEventStream({
      url: `${url}/poll/${encodeURIComponent(group)}/${encodeURIComponent(host)}`,
      headers: this.#headers,
      clock,
      onData: (data) => this.#receive(data),
      onOpen: () => this.#onGap(),
    })
  }

  async init(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stream.close()
  }

  async send(request: ResonateRequest, { signal }: AbortOptions = {}): Promise<ResonateResponse> {
    if (request.kind === 'promise.register_listener') this.#stream.open()
    const { url, token, timeoutMs } = this.#parts
    const body = token === undefined ? request : { ...request, head: { ...request.head, auth: token } }
    const timeout = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...this.#headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      redirect: 'error',
    }).catch((error: unknown) => {
      // fetch itself says no more than 'fetch failed'
      const { cause } = error as { cause?: Error }
      throw cause instanceof Error ? cause : error
    })
    return answerOf(request, response.status, await response.text())
  }

  recv(callback: (message: ResonateMessage) => void): void {
    this.#onMessage = callback
  }

  onGap(callback: () => void): void {
    this.#onGap = callback
  }

  get #headers(): Record<string, string> {
    const { headers, token } = this.#parts
    return token === undefined ? { ...headers } : { ...headers, authorization: `Bearer ${token}` }
  }

  #receive(data: string): void {
    const message = parseJson(data)
    if (isObject(message) && typeof message['kind'] === 'string') this.#onMessage(message as unknown as ResonateMessage)
  }
}

/** The protocol's own answer, or one that says what HTTP said. */
function answerOf({ kind, head }: ResonateRequest, status: number, text: string): ResonateResponse {
  const answer = parseJson(text)
  if (isObject(answer) && answer['kind'] === kind && isObject(answer['head'])) {
    const told = answer['head']
    if (typeof told['status'] === 'number' && told['corrId'] === head.corrId)
      return answer as unknown as ResonateResponse
  }
  // 404 of something that is no Resonate server must not pass for a promise that is not there
  const isMisleading = status === 404 || (status >= 200 && status < 300)
  return { kind, head: { status: isMisleading ? 502 : status }, data: `HTTP ${status}, and no answer of the protocol` }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
