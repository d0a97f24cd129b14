import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createRecorder, type Recorder, waitFor } from '@capsule/testing'

/** Plays the internet: all of 127.0.0.0/8 is loopback, and only this part counts as public in these tests. */
export const publicAddress = '127.0.1.1'
export const privateAddress = '127.0.0.1'
export const isPublicInTests = (address: string): boolean => address.startsWith('127.0.1.')

export interface Site extends AsyncDisposable {
  readonly port: number
  /** All connections so far. */
  readonly sockets: Recorder<Socket>
  /** All requests so far, with their bodies. */
  readonly requests: Recorder<SeenRequest>
  /** Resolves when the connection with this number has ended. */
  socketClosed(index: number): Promise<void>
}

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: string
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void

export interface SiteOptions {
  readonly address?: string
  /** @defaultValue any free one */
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** An HTTP server; `answer` is called once the request is read. */
export function startSite(answer: Answer, { address, port, tls }: SiteOptions = {}): Promise<Site> {
  const requests = createRecorder<SeenRequest>()
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request
      const seen = { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() }
      requests.record(seen)
      answer(seen, response)
    })
  }
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener)
  server.keepAliveTimeout = 30_000
  return started(server, requests, { address, port, event: tls === undefined ? 'connection' : 'secureConnection' })
}

/** A server that says what it is told to, byte by byte; `talk` is called when the head of a request has arrived. */
export function startRawSite(
  talk: (socket: Socket, head: string) => void,
  { address, port }: SiteOptions = {},
): Promise<Site> {
  const requests = createRecorder<SeenRequest>()
  const server = createTcpServer((socket) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = received.slice(0, end)
      received = received.slice(end + 4)
      talk(socket, head)
    })
  })
  return started(server, requests, { address, port, event: 'connection' })
}

async function started(
  server: Server,
  requests: Recorder<SeenRequest>,
  {
    address = publicAddress,
    port = 0,
    event,
  }: { address?: string | undefined; port?: number | undefined; event: string },
): Promise<Site> {
  const sockets = createRecorder<Socket>()
  const closed: Promise<void>[] = []
  server.on(event, (socket: Socket) => {
    socket.on('error', () => {})
    closed.push(new Promise((resolve) => socket.once('close', () => resolve())))
    sockets.record(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    requests,
    async socketClosed(index) {
      await sockets.waitForCount(index + 1)
      await waitFor(closed[index] ?? Promise.reject(new Error('no such connection')), {
        what: 'the end of a connection',
      })
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.values) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
