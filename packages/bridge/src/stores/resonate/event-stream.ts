import { type ClientRequest, get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import type { Clock, Timer } from '@capsule/core'
import { backoffMs } from '../retries.ts'
import { createEventParser } from './event-parser.ts'

export interface EventStreamParts {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly onData: (data: string) => void
  /** It is open, and what was sent before is lost. */
  readonly onOpen: () => void
}

/** A stream of server-sent events that comes back when it is cut. It does not hold the process. */
export interface EventStream {
  open(): void
  close(): void
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connected'; readonly request: ClientRequest }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'closed' }

export function createEventStream({ url, headers, clock, onData, onOpen }: EventStreamParts): EventStream {
  const get = url.startsWith('https:') ? httpsGet : httpGet
  let state: State = { kind: 'idle' }
  let failures = 0

  const connect = (): void => {
    const request = get(url, { headers: { ...headers, accept: 'text/event-stream' }, agent: false })
    state = { kind: 'connected', request }
    request.on('socket', (socket) => socket.unref())
    request.on('response', (response) => receive(request, response))
    request.on('error', () => reconnect(request))
    request.on('close', () => reconnect(request))
  }
  const receive = (request: ClientRequest, response: IncomingMessage): void => {
    if (response.statusCode !== 200) {
      request.destroy()
      return
    }
    onOpen()
    const parse = createEventParser(onData)
    response.setEncoding('utf8').on('data', (chunk: string) => {
      // not when it opens: one that ends at once would be opened again without a pause
      failures = 0
      parse(chunk)
    })
    response.on('end', () => request.destroy())
    // told as the end of the request
    response.on('error', () => {})
  }
  const reconnect = (request: ClientRequest): void => {
    if (state.kind !== 'connected' || state.request !== request) return
    state = { kind: 'waiting', timer: clock.setTimer(backoffMs(failures), connect) }
    failures += 1
  }

  return {
    open() {
      if (state.kind === 'idle') connect()
    },
    close() {
      const before = state
      state = { kind: 'closed' }
      if (before.kind === 'waiting') before.timer.cancel()
      if (before.kind === 'connected') before.request.destroy()
    },
  }
}
