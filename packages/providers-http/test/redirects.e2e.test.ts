import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith, headerOf } from './fetching.ts'
import { type Answer, startSite } from './site.ts'

/** Redirects `/<status>?to=<target>`; else tells what it was asked. */
const redirecting: Answer = ({ url, method, headers, body }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://x')
  const status = Number(pathname.slice(1))
  const location = searchParams.get('to')
  if (status >= 300) response.writeHead(status, location === null ? {} : { location }).end('moved')
  else response.end(JSON.stringify({ method, headers, body }))
}

interface Told {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

it('follows, and says where it ended', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port])
  const base = `http://a.example.com:${site.port}`
  const result = await fetchWith(provider, `${base}/302?to=${encodeURIComponent('/307?to=/end%23x')}`)
  expect(result.value).toMatchObject({ url: `${base}/end`, redirected: true, status: 200 })
  expect(result.annotations).toMatchObject({ hops: 2, attempts: 3 })
  expect((await fetchWith(provider, `${base}/302`)).value).toMatchObject({ status: 302, redirected: false })
})

it('does with a redirect what the call says', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port])
  const url = `http://a.example.com:${site.port}/302?to=http://127.0.0.1/`
  expect(await codeOf(fetchWith(provider, url, { redirect: 'error' }))).toBe('HTTP_REDIRECT_REFUSED')
  const { value } = await fetchWith(provider, url, { redirect: 'manual' })
  expect([value.status, headerOf(value, 'location')]).toEqual([302, 'http://127.0.0.1/'])
})

it('stops at the limit, also in a circle', async () => {
  await using site = await startSite(({ url }, response) => response.writeHead(302, { location: url }).end())
  for (const maxRedirects of [0, 3]) {
    await using provider = createTestProvider([site.port], { maxRedirects })
    const before = site.requests.values.length
    await expect(fetchWith(provider, `http://a.example.com:${site.port}/`)).rejects.toMatchObject({
      code: 'HTTP_TOO_MANY_REDIRECTS',
      details: { maxRedirects },
    })
    expect(site.requests.values.length - before).toBe(maxRedirects + 1)
  }
})

it.each([
  [301, 'POST', 'GET'],
  [302, 'POST', 'GET'],
  [303, 'POST', 'GET'],
  [303, 'PUT', 'GET'],
  [303, 'HEAD', 'HEAD'],
  [302, 'PUT', 'PUT'],
  [307, 'POST', 'POST'],
  [308, 'POST', 'POST'],
])('after %d a %s is a %s', async (status, method, next) => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port], { methods: ['GET', 'HEAD', 'POST', 'PUT'] })
  const init =
    method === 'HEAD'
      ? { method }
      : { method, body: '{}', headers: { 'content-type': 'application/json', range: 'bytes=0-' } }
  await fetchWith(provider, `http://a.example.com:${site.port}/${status}?to=/end`, init)
  const told = site.requests.values.at(-1)
  const isKept = next === method && method !== 'HEAD'
  expect(told).toMatchObject({ method: next, body: isKept ? '{}' : '' })
  expect(told?.headers['content-type']).toBe(isKept ? 'application/json' : undefined)
})

it('asks the policy about the method that a redirect makes', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port], { methods: ['POST'] })
  const call = fetchWith(provider, `http://a.example.com:${site.port}/303?to=/end`, { method: 'POST', body: 'x' })
  expect(await codeOf(call)).toBe('HTTP_METHOD_NOT_ALLOWED')
  expect(site.requests.values).toHaveLength(1)
})

it('does not send a streamed body twice', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port], { methods: ['GET', 'POST'] })
  const send = (status: number) =>
    fetchWith(
      provider,
      `http://a.example.com:${site.port}/${status}?to=/end`,
      { method: 'POST' },
      { body: [Buffer.from('x')] },
    )
  expect(await codeOf(send(307))).toBe('HTTP_REDIRECT_REFUSED')
  expect((await send(303)).value).toMatchObject({ status: 200, redirected: true })
})

it('takes only harmless headers to another origin', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port], { requestHeaders: ['*'] })
  const headers = {
    authorization: 'Bearer of-the-cell',
    'X-Api-Key': 'k',
    cookie: 'c',
    'x-other': 'o',
    accept: 'text/plain',
  }
  const tell = async (target: string): Promise<Told> => {
    const url = `http://a.example.com:${site.port}/302?to=${encodeURIComponent(target)}`
    return JSON.parse((await fetchWith(provider, url, { headers })).text()) as Told
  }
  expect((await tell('/end')).headers).toMatchObject({
    authorization: 'Bearer of-the-cell',
    'x-api-key': 'k',
    cookie: 'c',
  })
  const other = await tell(`http://b.example.com:${site.port}/`)
  expect(Object.keys(other.headers).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  expect(other.headers).toMatchObject({ accept: 'text/plain', host: `b.example.com:${site.port}` })
})

it('refuses two locations, and reads one as UTF-8', async () => {
  await using site = await startSite(({ url }, response) => {
    if (url === '/two') response.writeHead(302, ['Location', '/a', 'Location', '/b']).end()
    else if (url === '/utf8') response.writeHead(302, { location: Buffer.from('/é').toString('latin1') }).end()
    else response.end(url)
  })
  await using provider = createTestProvider([site.port])
  const base = `http://a.example.com:${site.port}`
  expect(await codeOf(fetchWith(provider, `${base}/two`))).toBe('HTTP_PROTOCOL_ERROR')
  expect((await fetchWith(provider, `${base}/utf8`)).text()).toBe('/%C3%A9')
})
