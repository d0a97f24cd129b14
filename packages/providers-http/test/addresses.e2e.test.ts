import { networkInterfaces } from 'node:os'
import { createFakeClock, createRecordingLogger } from '@capsule/testing'
import { expect, it } from 'vitest'
import { addressesOf, codeOf, createTestProvider, fetchWith } from './fetching.ts'
import { privateAddress, publicAddress, startSite } from './site.ts'

/** A site at the public address, and a private one at the same port. */
async function startBoth() {
  const site = await startSite(({ url }, response) => {
    const [, , status, target] = /^\/(to)\/([0-9]+)\/(.*)$/.exec(url) ?? []
    if (target === undefined) return void response.end('public')
    response.writeHead(Number(status), { location: decodeURIComponent(target) }).end()
  })
  const secret = await startSite((_, response) => response.end('private'), { address: privateAddress, port: site.port })
  return { site, secret }
}

it('dials only the allowed of the addresses that a name resolves to', async () => {
  const { site, secret } = await startBoth()
  await using _ = site
  await using __ = secret
  await using provider = createTestProvider([site.port], {
    hosts: {
      'mixed.example.com': [privateAddress, publicAddress, '::1', '169.254.169.254'],
      'bad.example.com': [privateAddress, '10.0.0.1'],
    },
  })
  expect((await fetchWith(provider, `http://mixed.example.com:${site.port}/`)).text()).toBe('public')
  const refused = fetchWith(provider, `http://bad.example.com:${site.port}/`)
  await expect(refused).rejects.toMatchObject({
    code: 'HTTP_ADDRESS_NOT_ALLOWED',
    details: { host: 'bad.example.com' },
  })
  await expect(refused).rejects.not.toThrow(/10\.0\.0\.1|127\./)
  expect(secret.sockets.values).toEqual([])
})

it('is not fooled by a name that resolves to another address the second time', async () => {
  const { site, secret } = await startBoth()
  await using _ = site
  await using __ = secret
  const answers = [publicAddress, privateAddress]
  const asked: string[] = []
  const resolve = (hostname: string) => {
    asked.push(hostname)
    return Promise.resolve(addressesOf([answers.shift() ?? privateAddress]))
  }
  await using provider = createTestProvider([site.port], { resolve })
  const url = `http://rebound.example.com:${site.port}/`
  expect((await fetchWith(provider, url)).text()).toBe('public')
  // the kept connection is still the one that was checked
  for (const socket of site.sockets.values) socket.destroy()
  await site.socketClosed(0)
  const codes = [await codeOf(fetchWith(provider, url)), await codeOf(fetchWith(provider, url))]
  expect(codes).toEqual(['HTTP_ADDRESS_NOT_ALLOWED', 'HTTP_ADDRESS_NOT_ALLOWED'])
  expect(asked.length).toBeGreaterThanOrEqual(3)
  expect(secret.sockets.values).toEqual([])
})

it('tells the log of the host, and not the cell, which addresses were refused', async () => {
  await using provider = createTestProvider([], { hosts: { 'in.example.com': ['10.1.2.3'] } })
  const logger = createRecordingLogger()
  const error: unknown = await fetchWith(provider, 'http://in.example.com/', {}, { logger }).catch(
    (failure: unknown) => failure,
  )
  expect(JSON.stringify(error)).not.toContain('10.1.2.3')
  expect(logger.lines).toEqual([
    {
      level: 'warn',
      message: 'http.fetch: refused addresses',
      fields: { host: 'in.example.com', addresses: ['10.1.2.3'] },
    },
  ])
})

it.each([301, 302, 303, 307, 308])('checks the address of every hop of a redirect (%d)', async (status) => {
  const { site, secret } = await startBoth()
  await using _ = site
  await using __ = secret
  await using provider = createTestProvider([site.port], { hosts: { 'inside.example.com': [privateAddress] } })
  const to = (target: string) => `http://a.example.com:${site.port}/to/${status}/${encodeURIComponent(target)}`
  const chain = to(to(to(`http://127.0.0.1:${site.port}/`)))
  expect(await codeOf(fetchWith(provider, chain))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, to(`http://inside.example.com:${site.port}/`)))).toBe(
    'HTTP_ADDRESS_NOT_ALLOWED',
  )
  expect(await codeOf(fetchWith(provider, to(`//0x7f.1:${site.port}/`)))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, to('http://[::ffff:7f00:1]/')))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, to('file:///etc/passwd')))).toBe('HTTP_SCHEME_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, to('http://u:p@b.example.com/')))).toBe('HTTP_URL_INVALID')
  expect(await codeOf(fetchWith(provider, to('http://b.example.com:6379/')))).toBe('HTTP_PORT_NOT_ALLOWED')
  expect(secret.sockets.values).toEqual([])
})

it('reaches a private service only by its very name and port, and not through others', async () => {
  const { site, secret } = await startBoth()
  await using _ = site
  await using __ = secret
  const { port } = site
  await using provider = createTestProvider([port, 1], {
    deny: ['denied.local'],
    allowPrivate: [`127.0.0.1:${port}`, `service.local:${port}`, `metadata.local:${port}`, `denied.local:${port}`],
    hosts: {
      'service.local': [privateAddress],
      'denied.local': [privateAddress],
      'metadata.local': ['169.254.169.254', '0.0.0.0', '64:ff9b::7f00:1'],
      'rebound.example.com': [privateAddress],
    },
  })
  expect((await fetchWith(provider, `http://127.0.0.1:${port}/`)).text()).toBe('private')
  expect((await fetchWith(provider, `http://service.local:${port}/`)).text()).toBe('private')
  const reached = secret.sockets.values.length
  expect(await codeOf(fetchWith(provider, `http://rebound.example.com:${port}/`))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, `http://metadata.local:${port}/`))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, `http://denied.local:${port}/`))).toBe('HTTP_HOST_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, `http://127.0.0.2:${port}/`))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, 'http://127.0.0.1:1/'))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, 'http://service.local:1/'))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  const target = encodeURIComponent(`http://service.local:${port}/`)
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${port}/to/302/${target}`))).toBe(
    'HTTP_REDIRECT_REFUSED',
  )
  expect(secret.sockets.values).toHaveLength(reached)
})

it('refuses a denied address behind every name', async () => {
  await using site = await startSite((_, response) => response.end('x'))
  await using provider = createTestProvider([site.port], { deny: [publicAddress] })
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(await codeOf(fetchWith(provider, `http://${publicAddress}:${site.port}/`))).toBe('HTTP_HOST_NOT_ALLOWED')
})

it.skipIf(networkInterfaces()['lo']?.every(({ family }) => family !== 'IPv6') ?? true)(
  'dials IPv6 addresses',
  async () => {
    await using site = await startSite((_, response) => response.end('six'), { address: '::1' })
    await using provider = createTestProvider([site.port], {
      allowPrivate: [`[0::1]:${site.port}`, `six.local:${site.port}`],
      hosts: { 'six.local': ['::1'] },
    })
    expect((await fetchWith(provider, `http://[::1]:${site.port}/`)).text()).toBe('six')
    expect((await fetchWith(provider, `http://six.local:${site.port}/`)).text()).toBe('six')
    expect(await codeOf(fetchWith(provider, `http://[::ffff:7f00:1]:${site.port}/`))).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  },
)

it('gives up when resolving and connecting take too long', async () => {
  const clock = createFakeClock()
  await using provider = createTestProvider([], { clock, connectTimeoutMs: 20, resolve: () => new Promise(() => {}) })
  await expect(fetchWith(provider, 'http://a.example.com/')).rejects.toMatchObject({
    code: 'HTTP_CONNECT_FAILED',
    details: { reason: 'UND_ERR_CONNECT_TIMEOUT' },
  })
  expect(clock.pendingTimers).toBe(0)
})

it('says why a name cannot be resolved or reached', async () => {
  const gone = await startSite((_, response) => response.end())
  await gone[Symbol.asyncDispose]()
  await using provider = createTestProvider([gone.port], {
    resolve: (hostname) =>
      hostname === 'none.example.com'
        ? Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND none.example.com'), { code: 'ENOTFOUND' }))
        : Promise.resolve(addressesOf([publicAddress])),
  })
  await expect(fetchWith(provider, 'http://none.example.com/')).rejects.toMatchObject({
    code: 'HTTP_RESOLVE_FAILED',
    message: "the name 'none.example.com' could not be resolved (ENOTFOUND)",
  })
  await expect(fetchWith(provider, `http://a.example.com:${gone.port}/`)).rejects.toMatchObject({
    code: 'HTTP_CONNECT_FAILED',
    message: "no connection to 'a.example.com' (ECONNREFUSED)",
  })
})
