import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith, headerOf } from './fetching.ts'
import { startSite } from './site.ts'

it('gives the response as fetch does, and tells audit about it', async () => {
  await using site = await startSite((_, response) => {
    response.writeHead(
      201,
      'Made',
      [
        ['X-One', 'a'],
        ['x-one', 'b'],
        ['Set-Cookie', 'c=1'],
      ].flat(),
    )
    response.end('hello')
  })
  await using provider = createTestProvider([site.port])
  const url = `http://api.example.com:${site.port}/a%20b?q=1`
  const result = await fetchWith(provider, `${url}#part`)
  expect(result.value).toMatchObject({ status: 201, statusText: 'Made', url, redirected: false })
  expect(result.value.headers.filter(([name]) => name.startsWith('x-') || name === 'set-cookie')).toEqual([
    ['x-one', 'a'],
    ['x-one', 'b'],
    ['set-cookie', 'c=1'],
  ])
  expect(result.text()).toBe('hello')
  expect(result.annotations).toEqual({ host: 'api.example.com', status: 201, hops: 0, attempts: 1, bytes: 5 })
  expect(result.description).toBe(`GET http://api.example.com:${site.port}/a%20b?q=…`)
  expect(site.requests.values[0]).toMatchObject({ method: 'GET', url: '/a%20b?q=1', body: '' })
  expect(site.requests.values[0]?.headers).toEqual({
    host: `api.example.com:${site.port}`,
    connection: 'keep-alive',
    accept: '*/*',
    'user-agent': 'capsule',
    'accept-encoding': 'gzip, deflate, br, zstd',
  })
})

it('sends text, bytes and streams', async () => {
  await using site = await startSite(({ headers, body }, response) => {
    response.end(
      JSON.stringify([body, headers['content-type'], headers['content-length'], headers['transfer-encoding']]),
    )
  })
  await using provider = createTestProvider([site.port], { methods: ['post', 'PUT'], maxRequestBytes: 10 })
  const url = `http://api.example.com:${site.port}/`
  const text = await fetchWith(provider, url, { method: 'post', body: 'é' })
  expect(JSON.parse(text.text())).toEqual(['é', 'text/plain;charset=UTF-8', '2', null])
  const bytes = await fetchWith(provider, url, {
    method: 'PUT',
    body: new TextEncoder().encode('{}'),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(JSON.parse(bytes.text())).toEqual(['{}', 'application/json', '2', null])
  const chunks = [Buffer.from('ab'), Buffer.from('cd')]
  const streamed = await fetchWith(provider, url, { method: 'POST' }, { body: chunks })
  expect(JSON.parse(streamed.text())).toEqual(['abcd', null, null, 'chunked'])
  const empty = await fetchWith(provider, url, { method: 'POST' })
  expect(JSON.parse(empty.text())).toEqual(['', null, '0', null])

  const tooLarge = new Uint8Array(11)
  expect(await codeOf(fetchWith(provider, url, { method: 'POST', body: tooLarge }))).toBe('HTTP_REQUEST_TOO_LARGE')
  const tooLong = [new Uint8Array(6), new Uint8Array(6)]
  expect(await codeOf(fetchWith(provider, url, { method: 'POST' }, { body: tooLong }))).toBe('HTTP_REQUEST_TOO_LARGE')
  expect(await codeOf(fetchWith(provider, url, { method: 'GET', body: 'x' }))).toBe('CAPABILITY_ARGUMENTS_INVALID')
})

it('answers HEAD, 204 and 304 without a body, and keeps the connection usable', async () => {
  await using site = await startSite(({ url }, response) => {
    response.writeHead(url === '/204' ? 204 : url === '/304' ? 304 : 200, { 'content-encoding': 'gzip' }).end()
  })
  await using provider = createTestProvider([site.port])
  const base = `http://api.example.com:${site.port}`
  for (const [path, method] of [
    ['/204', 'GET'],
    ['/304', 'GET'],
    ['/', 'HEAD'],
    ['/', 'GET'],
  ] as const) {
    expect((await fetchWith(provider, base + path, { method })).text()).toBe('')
  }
})

it('uses a connection again, and closes all when it is disposed', async () => {
  await using site = await startSite((_, response) => response.end('x'))
  const provider = createTestProvider([site.port])
  const url = `http://api.example.com:${site.port}/`
  for (let call = 0; call < 6; call++) await fetchWith(provider, url)
  // undici frees a connection one turn after the body has ended, so the second call opens another
  expect(site.sockets.values.length).toBeLessThanOrEqual(2)
  await provider[Symbol.asyncDispose]()
  await site.socketClosed(0)
  expect(await codeOf(fetchWith(provider, url))).toBe('HTTP_CLOSED')
})

it('refuses methods that are not granted', async () => {
  await using site = await startSite((_, response) => response.end())
  await using provider = createTestProvider([site.port])
  const call = fetchWith(provider, `http://api.example.com:${site.port}/`, { method: 'delete' })
  await expect(call).rejects.toMatchObject({
    code: 'HTTP_METHOD_NOT_ALLOWED',
    message: 'the method DELETE may not be used, only GET, HEAD (`methods`)',
  })
  expect(site.sockets.values).toEqual([])
  expect(headerOf((await fetchWith(provider, `http://api.example.com:${site.port}/`)).value, 'content-length')).toBe(
    '0',
  )
})
