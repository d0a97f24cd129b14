import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'defaultRequestHeaders',
    'http',
    'httpErrors',
    'isPublicAddress',
  ])
})

it('keeps its error codes', async () => {
  const { httpErrors } = await import('./index.ts')
  expect(Object.keys(httpErrors).sort()).toEqual([
    'HTTP_ADDRESS_NOT_ALLOWED',
    'HTTP_CLOSED',
    'HTTP_CONNECTION_LOST',
    'HTTP_CONNECT_FAILED',
    'HTTP_DECODE_FAILED',
    'HTTP_HEADERS_TOO_LARGE',
    'HTTP_HEADER_NOT_ALLOWED',
    'HTTP_HOST_NOT_ALLOWED',
    'HTTP_METHOD_NOT_ALLOWED',
    'HTTP_PORT_NOT_ALLOWED',
    'HTTP_PROTOCOL_ERROR',
    'HTTP_REDIRECT_REFUSED',
    'HTTP_REQUEST_TOO_LARGE',
    'HTTP_RESOLVE_FAILED',
    'HTTP_RESPONSE_TOO_LARGE',
    'HTTP_SCHEME_NOT_ALLOWED',
    'HTTP_TIMED_OUT',
    'HTTP_TOO_MANY_REDIRECTS',
    'HTTP_URL_INVALID',
  ])
})

it('declares the capability, its effect and its limits by the options', async () => {
  const { http } = await import('./index.ts')
  await using reading = http({ allow: ['a.example'], timeoutMs: 5000, maxConcurrent: 3 })
  expect(reading).toMatchObject({
    name: 'http',
    specificationVersion: 'v1',
    secrets: {},
    capabilities: {
      fetch: {
        effect: 'read',
        positional: ['url'],
        bodyField: 'body',
        returns: 'response',
        limits: { timeoutMs: 6000, concurrent: 3 },
      },
    },
  })
  await using writing = http({ allow: ['a.example'], methods: ['GET', 'POST'] })
  expect(writing.capabilities['fetch']).toMatchObject({
    effect: 'write',
    inputSchema: { type: 'object', required: ['url'] },
  })
})
