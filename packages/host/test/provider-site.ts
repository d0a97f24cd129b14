import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRecorder, type Recorder } from '@capsule/testing'
import { brotliCompressSync } from 'node:zlib'

export interface ProviderSite extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly origin: string
  /** `GET /path`, in the order of their heads. */
  readonly requests: Recorder<string>
  /** The paths of those that the client has cut off. */
  readonly cut: Recorder<string>
  /** The last `authorization` header. */
  readonly authorization: () => string | undefined
}

/** Sizes that no limit of a socket or of a stream comes near. */
export const largeBytes = 32 * 1024 * 1024

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What cells of these tests fetch from. `/sent` tells how much of `/large` went out; `/release` lets `/paused` read on. */
export async function startProviderSite({ elsewhere }: { readonly elsewhere: string }): Promise<ProviderSite> {
  const requests = createRecorder<string>()
  const cut = createRecorder<string>()
  const paused = new Set<IncomingMessage>()
  let authorization: string | undefined
  let sentBytes = 0
  const answers: Readonly<Record<string, (exchange: Exchange) => void>> = {
    '/json': ({ response }) => response.setHeader('content-type', 'application/json').end('{"answer":42}'),
    '/never': () => {},
    '/redirect': ({ response }) => response.writeHead(302, { location: `http://${elsewhere}/metadata` }).end(),
    '/bomb': ({ response }) =>
      response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync(Buffer.alloc(4 * largeBytes))),
    '/endless': ({ response }) => sendPieces(response, Infinity),
    '/large': ({ response }) => sendPieces(response, largeBytes, (bytes) => (sentBytes += bytes)),
    '/sent': ({ response }) => response.end(String(sentBytes)),
    '/echo': ({ request, response }) => request.pipe(response),
    '/count': ({ request, response }) => countBytes(request, response),
    '/paused': ({ request, response }) => {
      paused.add(request.pause())
      countBytes(request, response, false)
    },
    '/release': ({ response }) => {
      for (const request of paused) request.resume()
      response.end()
    },
  }
  const server = createServer((request, response) => {
    const { method, url = '' } = request
    requests.record(`${method} ${url}`)
    ;({ authorization } = request.headers)
    request.on('error', () => {})
    response.on('close', () => response.writableFinished || cut.record(url))
    const answer = answers[url]
    if (answer === undefined) response.writeHead(404).end()
    else answer({ request, response })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cut,
    authorization: () => authorization,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const piece = Buffer.alloc(65_536, 'a')

function sendPieces(response: ServerResponse, bytes: number, onSent: (bytes: number) => void = () => {}): void {
  let left = bytes
  const send = (): void => {
    while (left > 0) {
      left -= piece.length
      onSent(piece.length)
      if (!response.write(piece)) return void response.once('drain', send)
    }
    response.end()
  }
  send()
}

function countBytes(request: IncomingMessage, response: ServerResponse, isFlowing = true): void {
  let bytes = 0
  const count = (chunk: Buffer): void => void (bytes += chunk.length)
  request.on('end', () => response.end(String(bytes)))
  if (isFlowing) request.on('data', count)
  else request.once('resume', () => request.on('data', count))
}
