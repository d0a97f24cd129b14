import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith } from './fetching.ts'
import { type Answer, type Site, startSite } from './site.ts'

const fixture = (name: string): string => readFileSync(`${import.meta.dirname}/fixtures/${name}`, 'utf8')
const tls = { key: fixture('key.pem'), cert: fixture('cert.pem') }

/** Redirects to what `?to=` says; else says `ok`. */
const redirecting: Answer = ({ url }, response) => {
  const target = new URL(url, 'http://x').searchParams.get('to')
  if (target === null) response.end('ok')
  else response.writeHead(302, { location: target }).end()
}

const seen = (site: Site, name: string): (string | undefined)[] =>
  site.requests.values.map(({ headers }) => headers[name] as string | undefined)

it.each([
  [{ host: 'evil' }, 'is set by the host alone'],
  [{ Connection: 'close' }, 'is set by the host alone'],
  [{ 'Transfer-Encoding': 'chunked' }, 'is set by the host alone'],
  [{ 'content-length': '5' }, 'is set by the host alone'],
  [{ 'Proxy-Authorization': 'x' }, 'is set by the host alone'],
  [{ TE: 'trailers' }, 'is set by the host alone'],
  [{ 'X-HTTP-Method-Override': 'DELETE' }, 'is set by the host alone'],
  [{ 'accept-encoding': 'gzip' }, 'is set by the host alone'],
  [{ cookie: 'a=1' }, 'is not one of those that may be set'],
  [{ 'x-forwarded-for': '127.0.0.1' }, 'is not one of those that may be set'],
  [{ accept: 'a\r\nx-evil: 1' }, 'line breaks'],
  [{ accept: 'a\nb' }, 'line breaks'],
  [{ accept: 'a\0b' }, 'line breaks'],
  [{ accept: 'ā' }, 'beyond Latin-1'],
  [{ 'accept\r\nx-evil': '1' }, 'no header name'],
  [{ 'host ': 'x' }, 'no header name'],
  [{ '': 'x' }, 'no header name'],
  [{ 'ACCEPT\u212a': 'x' }, 'no header name'],
  [
    [
      ['accept', 'a'],
      ['host', 'b'],
    ],
    'is set by the host alone',
  ],
])('refuses the headers %j', async (headers, problem) => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port])
  const call = fetchWith(provider, `http://a.example.com:${site.port}/`, { headers })
  await expect(call).rejects.toMatchObject({ code: 'HTTP_HEADER_NOT_ALLOWED' })
  await expect(call).rejects.toThrow(problem)
  expect(site.sockets.values).toEqual([])
})

it('sends the headers that are allowed, each once', async () => {
  await using site = await startSite(redirecting)
  await using provider = createTestProvider([site.port], { requestHeaders: ['Accept', 'x-trace-*', 'range'] })
  const url = `http://a.example.com:${site.port}/`
  const headers = [
    ['ACCEPT', ' a '],
    ['accept', 'b'],
    ['X-Trace-Id', '\u00e9'],
    ['range', 'bytes=0-1'],
  ]
  await fetchWith(provider, url, { headers })
  expect(site.requests.values[0]?.headers).toMatchObject({
    accept: 'a, b',
    'x-trace-id': 'é',
    'accept-encoding': 'identity',
  })
  expect(await codeOf(fetchWith(provider, url, { headers: { 'x-other': '1' } }))).toBe('HTTP_HEADER_NOT_ALLOWED')
  const large = { accept: 'x'.repeat(20_000) }
  expect(await codeOf(fetchWith(provider, url, { headers: large }))).toBe('HTTP_HEADERS_TOO_LARGE')
})

it('sends secret headers over https to their host only', async () => {
  await using secure = await startSite(redirecting, { tls })
  await using plain = await startSite(redirecting)
  await using provider = createTestProvider([secure.port, plain.port], {
    ca: tls.cert,
    secretHeaders: {
      [`api.example.com:${secure.port}`]: { Authorization: 'Bearer s3cret', 'X-Api-Key': () => 'k3y' },
      [`*.example.com:${secure.port}`]: { authorization: 'Bearer wild' },
      [`api.example.com:${plain.port}`]: { authorization: 'Bearer over-plain' },
      [`http://plain.example.com:${plain.port}`]: { authorization: 'Bearer allowed-plain' },
      'api.example.com': { 'x-default-port': 'no' },
    },
  })
  const fetch = (url: string, headers = {}) => fetchWith(provider, url, { headers })
  await fetch(`https://api.example.com:${secure.port}/`, { authorization: 'Bearer of-the-cell' })
  await fetch(`https://other.example.com:${secure.port}/`)
  expect(seen(secure, 'authorization')).toEqual(['Bearer s3cret', 'Bearer wild'])
  expect(seen(secure, 'x-api-key')).toEqual(['k3y', undefined])
  expect(seen(secure, 'x-default-port')).toEqual([undefined, undefined])
  await fetch(`http://api.example.com:${plain.port}/`)
  await fetch(`http://plain.example.com:${plain.port}/`)
  expect(seen(plain, 'authorization')).toEqual([undefined, 'Bearer allowed-plain'])
})

it('takes no secret header where a redirect leads, not even back', async () => {
  await using site = await startSite(redirecting, { tls })
  await using provider = createTestProvider([site.port], {
    ca: tls.cert,
    secretHeaders: {
      [`api.example.com:${site.port}`]: { authorization: 'Bearer s3cret', 'x-api-key': 'k3y' },
      [`b.example.com:${site.port}`]: { 'x-api-key': 'of-b' },
    },
  })
  const api = `https://api.example.com:${site.port}/`
  const there = (back: string): string => `https://b.example.com:${site.port}/?to=${encodeURIComponent(back)}`
  const to = (target: string): string => `${api}?to=${encodeURIComponent(target)}`
  await fetchWith(provider, to('/same'))
  await fetchWith(provider, to(there(api)))
  await fetchWith(provider, to(there('/same')))
  const asked = site.requests.values.map(({ headers }) => [
    headers.host?.split('.')[0],
    headers['x-api-key'],
    headers.authorization,
  ])
  const [secret, none] = [
    ['api', 'k3y', 'Bearer s3cret'],
    ['b', undefined, undefined],
  ]
  expect(asked).toEqual([secret, secret, secret, none, ['api', undefined, undefined], secret, none, none])
})

it('declares its secrets, the bare token too, and reads them at each use', async () => {
  await using site = await startSite(redirecting)
  let token = 'one'
  const host = `http://api.example.com:${site.port}`
  await using provider = createTestProvider([site.port], {
    secretHeaders: { [host]: { Authorization: () => `Bearer ${token}` } },
  })
  expect(Object.entries(provider.secrets).map(([name, value]) => [name, value()])).toEqual([
    ['header_1_authorization', 'Bearer one'],
    ['header_1_authorization_credentials', 'one'],
  ])
  await fetchWith(provider, `${host}/`)
  token = 'two'
  await fetchWith(provider, `${host}/`)
  expect(seen(site, 'authorization')).toEqual(['Bearer one', 'Bearer two'])
  token = 'bad\r\nx: y'
  const bad = fetchWith(provider, `${host}/`)
  await expect(bad).rejects.toMatchObject({ code: 'HTTP_HEADER_NOT_ALLOWED' })
  await expect(bad).rejects.not.toThrow('bad')
})

it('refuses a secret that cannot be read, without its error', async () => {
  await using site = await startSite(redirecting)
  const host = `http://api.example.com:${site.port}`
  const fails = (): string => {
    throw new Error('/run/secrets/token is gone')
  }
  await using provider = createTestProvider([site.port], { secretHeaders: { [host]: { 'x-api-key': fails } } })
  const call = fetchWith(provider, host)
  await expect(call).rejects.toMatchObject({ code: 'PROVIDER_SECRET_UNAVAILABLE' })
  await expect(call).rejects.not.toThrow('/run/secrets')
  expect(site.sockets.values).toEqual([])
})

it('refuses redirects from https to http, and certificates that are not trusted or of another name', async () => {
  await using secure = await startSite(redirecting, { tls })
  await using plain = await startSite(redirecting)
  await using provider = createTestProvider([secure.port, plain.port], { ca: tls.cert })
  const target = encodeURIComponent(`http://a.example.com:${plain.port}/`)
  expect(await codeOf(fetchWith(provider, `https://a.example.com:${secure.port}/?to=${target}`))).toBe(
    'HTTP_REDIRECT_REFUSED',
  )
  const up = encodeURIComponent(`https://a.example.com:${secure.port}/`)
  expect((await fetchWith(provider, `http://a.example.com:${plain.port}/?to=${up}`)).text()).toBe('ok')
  await expect(fetchWith(provider, `https://a.example.org:${secure.port}/`)).rejects.toMatchObject({
    code: 'HTTP_CONNECT_FAILED',
    message: "no connection to 'a.example.org' (ERR_TLS_CERT_ALTNAME_INVALID)",
  })
  await using distrusting = createTestProvider([secure.port])
  await expect(fetchWith(distrusting, `https://a.example.com:${secure.port}/`)).rejects.toMatchObject({
    code: 'HTTP_CONNECT_FAILED',
    message: "no connection to 'a.example.com' (DEPTH_ZERO_SELF_SIGNED_CERT)",
  })
  expect(plain.requests.values).toHaveLength(1)
})
