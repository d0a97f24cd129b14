import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CapabilityProvider, createCapsule, definePolicy, type PolicyRule } from '@capsule/host'
import { files } from '@capsule/providers-files'
import { http } from '@capsule/providers-http'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { workerMarker } from './worker-marker.ts'

// unit: calls of one cell
const batch = 40
const numRuns = 50

/** Cells that call with what they are given, and tell what came of each call. */
async function openCaller(provider: CapabilityProvider, rule: Omit<PolicyRule, 'id' | 'effect'>) {
  const capsule = await createCapsule({ isolation: 'process' })
  onTestFinished(() => capsule.shutdown())
  const policy = definePolicy({ name: 'one place', rules: [{ id: 'one', effect: 'allow', ...rule }] })
  const session = await capsule.createSession({ capabilities: [provider], policy, env: workerMarker() })
  return async (calls: readonly (readonly [name: string, ...args: unknown[]])[]): Promise<string[]> => {
    const code = `const told = []
for (const [name, ...args] of JSON.parse(${JSON.stringify(JSON.stringify(calls))})) {
  const [provider, capability] = name.split('.')
  told.push(await caps[provider][capability](...args).then(
    async (reply) => 'ok ' + (typeof reply?.text === 'function' ? await reply.text() : JSON.stringify(reply)),
    (error) => error.code ?? String(error)))
}
told`
    const { outcome } = await session.run(code)
    expect(outcome).toMatchObject({ status: 'ok', state: 'kept' })
    return outcome.value as string[]
  }
}

async function listen(
  address: string,
  port: number,
  onRequest: (url: string, host: string) => string | undefined,
): Promise<Server> {
  const server = createServer((request, response) => {
    const location = onRequest(request.url ?? '', request.headers.host ?? '')
    if (location === undefined) return void response.end('ok')
    try {
      response.writeHead(302, { location }).end()
    } catch {
      // what no header can hold
      response.end()
    }
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

it('whatever a cell gives as a URL, only the host and port that are granted hear of it', async () => {
  const strays: string[] = []
  const hosts: string[] = []
  const site = await listen('127.0.0.1', 0, (url, host) => {
    hosts.push(host)
    return url.startsWith('/go?') ? decodeURIComponent(url.slice(4)) : undefined
  })
  const stray =
    (where: string) =>
    (url: string): undefined =>
      void strays.push(`${where}${url}`)
  const port = portOf(site)
  const other = portOf(await listen('127.0.0.1', 0, stray('another port')))
  // the same port elsewhere, as far as the machine has these addresses
  for (const address of ['127.0.0.2', '::1']) await listen(address, port, stray(address)).catch(() => undefined)
  const call = await openCaller(
    http({ allow: [], allowPrivate: [`127.0.0.1:${port}`], maxRedirects: 3, methods: ['GET', 'POST'] }),
    {
      capability: 'http.fetch',
      when: { url: { host: '127.0.0.1' } },
    },
  )

  const host = fc.constantFrom(
    '127.0.0.1',
    '127.0.0.2',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '127.0.0.1.',
    '0',
    '0.0.0.0',

    'localhost',
    'LOCALHOST',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:2]',
    '１２７.0.0.1',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    '',
  )
  const anyPort = fc.constantFrom(
    '',
    `:${port}`,
    `:0${port}`,
    `:${port + 65_536}`,
    `:${other}`,
    ':80',
    ':',
    `:${port}:${other}`,
  )
  const glue = fc.constantFrom('', '', '', '@', '\\', '\\@', '/', '#@', '?@', '\t', '\n', ' ', '%00', '.', ':x@')
  const scheme = fc.constantFrom(
    'http://',
    'http://',
    'http://',
    'HTTP:/',
    'http:\\\\',
    'http:',
    '//',
    'https://',
    'ws://',
    'file://',
    'ftp://',
    ' http://',
    'javascript:',
    '',
  )
  const direct = fc
    .tuple(
      scheme,
      glue,
      host,
      anyPort,
      glue,
      fc.option(fc.tuple(host, anyPort)),
      fc.constantFrom('', '/', '/a', '/..//x', '?q', '#f'),
    )
    .map(
      ([start, before, name, at, between, second, end]) =>
        `${start}${before}${name}${at}${between}${second?.join('') ?? ''}${end}`,
    )
  const redirected = direct.map((to) => `http://127.0.0.1:${port}/go?${encodeURIComponent(to)}`)
  const url = fc.oneof(
    { weight: 4, arbitrary: direct },
    { weight: 3, arbitrary: redirected },
    fc.webUrl(),
    fc.jsonValue(),
  )
  const init = fc.oneof(
    fc.constant({}),
    fc.record({
      headers: fc.constantFrom({ host: `127.0.0.2:${port}` }, { accept: `\r\nHost: x` }, [['accept', 'a']]),
    }),
    fc.record({ method: fc.constantFrom('POST', 'get', 'CONNECT', 'GET http://127.0.0.2/ HTTP/1.1\r\n'), url: direct }),
    fc.jsonValue(),
  )
  const calls = fc.array(fc.tuple(fc.constant('http.fetch'), url, init), { minLength: batch, maxLength: batch })
  let answered = 0
  await fc.assert(
    fc.asyncProperty(calls, async (given) => {
      const told = await call(given)
      answered += told.filter((each) => each.startsWith('ok ')).length
      expect(strays).toEqual([])
      expect(told.filter((each) => !/^ok |^[A-Z]+_[A-Z_]+$/.test(each))).toEqual([])
    }),
    { numRuns },
  )
  expect(new Set(hosts)).toEqual(new Set([`127.0.0.1:${port}`]))
  // or the test shows nothing
  expect(answered).toBeGreaterThan(numRuns)
}, 60_000)

it('whatever a cell gives as a path, only what is granted below the root is touched', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-hostile-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const root = join(folder, 'data')
  for (const each of ['data/open/sub', 'data/secret', 'data-evil', 'open'])
    mkdirSync(join(folder, each), { recursive: true })
  const canaries = ['outside.txt', 'data/secret/a.txt', 'data/a.txt', 'data-evil/a.txt', 'open/a.txt'].map((name) =>
    join(folder, name),
  )
  for (const canary of canaries) writeFileSync(canary, 'canary')
  const look = () => ({
    files: canaries.map((path) => [readFileSync(path, 'utf8'), statSync(path).mtimeMs, statSync(path).ino]),
    folders: ['.', 'data', 'data/secret', 'data-evil', 'open'].map((name) =>
      readdirSync(join(folder, name)).toSorted(),
    ),
  })
  const before = look()
  const links = { link: '../../outside.txt', up: '../..', secret: '../secret', itself: '.', absolute: folder }
  const call = await openCaller(files({ roots: { data: { path: root, mode: 'rw' } } }), {
    capability: 'files.*',
    when: { path: { glob: 'data:/open/**' } },
  })

  const name = fc.constantFrom(
    '..',
    '.',
    '',
    'open',
    'open',
    'sub',
    'a.txt',
    'b.txt',
    'secret',
    'outside.txt',
    ...Object.keys(links),
    'data',
    'data-evil',

    '%2e%2e',
    '..%2f',
    '..\\',
    '․․',
    '..\0',
    'a.txt\0',
    '..;',
    '... ',
    '~',
    'OPEN',
    'ｏpen',
    '*',
    '**',
    'C:',
    'CON',
    folder,
  )
  const start = fc.constantFrom(
    'data:/open/',
    'data:/open/',
    'data:/open/',
    'data:/',
    'data:',
    '',
    '/',
    'DATA:/',
    'data-evil:/',
    'data:/open/../',
    'data://open/',
    `${folder}/`,
    'file:///',
    '\\\\?\\',
  )
  const between = fc.constantFrom('/', '/', '/', '//', '\\', '%2f', '/./', '/../')
  const built = fc
    .tuple(start, fc.array(fc.tuple(name, between), { maxLength: 4 }), name)
    .map(([first, middle, last]) => `${first}${middle.flat().join('')}${last}`)
  const path = fc.oneof({ weight: 8, arbitrary: built }, fc.string({ unit: 'binary' }), fc.jsonValue())
  const options = fc.oneof(
    fc.constant({}),
    fc.record({ recursive: fc.boolean() }),
    fc.record({ path: built }),
    fc.jsonValue(),
  )
  const one = fc.oneof(
    fc.tuple(
      fc.constantFrom('files.read', 'files.readStream', 'files.list', 'files.stat', 'files.remove', 'files.mkdir'),
      path,
      options,
    ),
    fc.tuple(fc.constantFrom('files.write', 'files.append'), path, fc.constantFrom('x', '../..')),
    fc.tuple(fc.constantFrom('files.read', 'files.remove', 'files.write'), fc.record({ path, data: fc.constant('x') })),
    fc.tuple(fc.constant('files.mkdir'), fc.constant('data:/open/sub'), fc.constant({ recursive: true })),
  )
  const calls = fc.array(one, { minLength: batch, maxLength: batch })
  let done = 0
  await fc.assert(
    fc.asyncProperty(calls, async (given) => {
      // cells may have removed them
      for (const [link, target] of Object.entries(links))
        if (existsSync(join(root, 'open')) && !readdirSync(join(root, 'open')).includes(link))
          symlinkSync(target, join(root, 'open', link))
      const told = await call(given)
      done += told.filter((each) => each.startsWith('ok ')).length
      expect(look()).toEqual(before)
      expect(told.filter((each) => each.includes('canary'))).toEqual([])
      expect(told.filter((each) => !/^ok |^[A-Z]+_[A-Z_]+$/.test(each))).toEqual([])
    }),
    { numRuns },
  )
  expect(done).toBeGreaterThan(numRuns)
}, 60_000)
