import type { ServerResponse } from 'node:http'
import { describeProviderContract } from '@capsule/provider-sdk/testing'
import { afterAll, beforeAll } from 'vitest'
import { httpErrors } from '../src/errors.ts'
import { createTestProvider } from './fetching.ts'
import { type Site, startSite } from './site.ts'

const secret = 'Bearer a-secret-of-the-host'
let site: Site
let another: Site

beforeAll(async () => {
  site = await startSite(({ url }, response) => {
    if (url === '/slow') return
    response.write('a')
    if (url === '/large') response.end(Buffer.alloc(2_000_000))
    else if (url === '/streamed') writeUntilLeft(response)
    else response.end('b')
  })
  another = await startSite((_, response) => response.end())
})

afterAll(async () => {
  await site[Symbol.asyncDispose]()
  await another[Symbol.asyncDispose]()
})

/** Has always more, so that only the reader ends it. */
function writeUntilLeft(response: ServerResponse): void {
  while (response.writable && response.write(Buffer.alloc(1000)));
  if (response.writable) response.once('drain', () => writeUntilLeft(response))
}

const at = (path: string) => (): [string] => [`http://api.example.com:${site.port}${path}`]

/** Those that the server does not see closing in time. */
async function countOpenConnections(): Promise<number> {
  const closings = site.sockets.values.map((_, index) => site.socketClosed(index))
  return (await Promise.allSettled(closings)).filter(({ status }) => status === 'rejected').length
}

describeProviderContract({
  name: 'http',
  create: () =>
    createTestProvider([site.port], {
      allow: ['api.example.com'],
      allowPrivate: ['unreachable.example.com:1'],
      methods: ['GET', 'POST'],
      maxResponseBytes: 1_000_000,
      secretHeaders: { [`http://api.example.com:${site.port}`]: { 'x-api-key': secret } },
    }),
  secrets: [secret],
  errorCodes: Object.keys(httpErrors),
  countHeld: countOpenConnections,
  calls: {
    fetch: {
      valid: [
        at('/'),
        { args: () => [...at('/')(), { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'text' }] },
        { args: () => [...at('/')(), { method: 'POST' }], body: () => [Buffer.from('a'), Buffer.from('b')] },
      ],
      refused: [
        { args: ['http://169.254.169.254/'], code: 'HTTP_HOST_NOT_ALLOWED' },
        { args: ['nonsense'], code: 'HTTP_URL_INVALID' },
        { args: () => [...at('/')(), { method: 'PUT' }], code: 'HTTP_METHOD_NOT_ALLOWED' },
        { args: () => [...at('/')(), { headers: { host: 'x' } }], code: 'HTTP_HEADER_NOT_ALLOWED' },
        { args: () => [`http://api.example.com:${another.port}/`], code: 'HTTP_PORT_NOT_ALLOWED' },
      ],
      slow: at('/slow'),
      large: at('/large'),
      streamed: at('/streamed'),
    },
  },
})
