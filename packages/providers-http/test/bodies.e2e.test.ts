import { setImmediate as nextTurn } from 'node:timers/promises'
import zlib from 'node:zlib'
import { silentLogger } from '@capsule/core'
import type { CapabilityContext } from '@capsule/provider-sdk'
import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith } from './fetching.ts'
import { startRawSite, startSite } from './site.ts'

const text = 'a text that is worth compressing '.repeat(100)
const mib = 1024 * 1024

it.each([
  ['gzip', zlib.gzipSync(text)],
  ['X-GZip', zlib.gzipSync(text)],
  ['deflate', zlib.deflateSync(text)],
  ['deflate', zlib.deflateRawSync(text)],
  ['br', zlib.brotliCompressSync(text)],
  ['zstd', zlib.zstdCompressSync(text)],
  ['identity', Buffer.from(text)],
  ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(text))],
  ['gzip', Buffer.alloc(0)],
])('decodes %s', async (coding, body) => {
  await using site = await startSite((_, response) => response.writeHead(200, { 'content-encoding': coding }).end(body))
  await using provider = createTestProvider([site.port])
  const result = await fetchWith(provider, `http://a.example.com:${site.port}/`)
  expect(result.text()).toBe(body.length === 0 ? '' : text)
  expect(result.chunks?.every((chunk) => chunk instanceof Uint8Array && !Buffer.isBuffer(chunk))).toBe(true)
})

it('says so when a body cannot be decoded', async () => {
  const bodies: Record<string, [string, Buffer]> = {
    '/unknown': ['compress', Buffer.from('x')],
    '/many': ['gzip, gzip, gzip, gzip', Buffer.from('x')],
    '/wrong': ['gzip', Buffer.from('not compressed')],
    '/short': ['br', zlib.brotliCompressSync(text).subarray(0, 20)],
    '/window': ['zstd', await compressedWithWindow(26)],
  }
  await using site = await startSite(({ url }, response) => {
    const [coding, body] = bodies[url] ?? ['', Buffer.alloc(0)]
    response.writeHead(200, { 'content-encoding': coding }).end(body)
  })
  await using provider = createTestProvider([site.port])
  for (const path of Object.keys(bodies)) {
    expect([path, await codeOf(fetchWith(provider, `http://a.example.com:${site.port}${path}`))]).toEqual([
      path,
      'HTTP_DECODE_FAILED',
    ])
  }
})

it('says at once that a body cannot be decoded, while more of it may come', async () => {
  await using site = await startRawSite((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\nnot compressed')
  })
  await using provider = createTestProvider([site.port])
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe('HTTP_DECODE_FAILED')
  await site.socketClosed(0)
})

it.each(['br', 'gzip', 'zstd', 'gzip, br'])(
  'stops a decompression bomb (%s) at the limit, in little memory',
  async (coding) => {
    const bomb = bombs[coding] ?? Buffer.alloc(0)
    await using site = await startSite((_, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(bomb),
    )
    await using provider = createTestProvider([site.port], { maxResponseBytes: 4 * mib })
    global.gc?.()
    const before = process.memoryUsage().rss
    let peak = 0
    const reply = (await provider.capabilities['fetch']?.invoke(
      { url: `http://a.example.com:${site.port}/`, method: 'GET', redirect: 'follow' },
      contextOf(),
    )) as { body: AsyncIterable<Uint8Array> }
    let bytes = 0
    const read = async (): Promise<void> => {
      for await (const chunk of reply.body) {
        bytes += chunk.length
        peak = Math.max(peak, process.memoryUsage().rss)
        await nextTurn()
      }
    }
    expect(await codeOf(read())).toBe('HTTP_RESPONSE_TOO_LARGE')
    expect(bytes).toBeLessThanOrEqual(4 * mib)
    expect(bytes).toBeGreaterThan(3 * mib)
    expect(peak - before).toBeLessThan(48 * mib)
  },
)

it('stops a body that is endless and decodes to nothing', async () => {
  const emptyBlock = Buffer.from([0, 0, 0, 0xff, 0xff])
  const blocks = Buffer.concat(Array.from({ length: 4000 }, () => emptyBlock))
  await using site = await startSite((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    response.write(zlib.gzipSync('').subarray(0, 10))
    const more = (): void => {
      while (response.writable && response.write(blocks));
      if (response.writable) response.once('drain', more)
    }
    more()
  })
  await using provider = createTestProvider([site.port], { maxResponseBytes: 200_000 })
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe('HTTP_RESPONSE_TOO_LARGE')
  await site.socketClosed(0)
})

it('counts exactly, and the grant may be smaller than the option', async () => {
  await using site = await startSite(({ url }, response) => {
    if (url === '/chunked') response.write('12345')
    response.end(url === '/chunked' ? '67890' : '1234567890')
  })
  const base = `http://a.example.com:${site.port}`
  await using exact = createTestProvider([site.port], { maxResponseBytes: 10 })
  await using small = createTestProvider([site.port], { maxResponseBytes: 9 })
  for (const path of ['/chunked', '/sized']) {
    expect((await fetchWith(exact, base + path)).text()).toBe('1234567890')
    await expect(fetchWith(small, base + path)).rejects.toMatchObject({
      code: 'HTTP_RESPONSE_TOO_LARGE',
      details: { limitBytes: 9 },
    })
  }
  // the value takes more than that
  await using large = createTestProvider([site.port])
  const granted = fetchWith(large, `${base}/sized`, {}, { limits: { outputBytes: 9 } })
  await expect(granted).rejects.toMatchObject({ code: 'HTTP_RESPONSE_TOO_LARGE', details: { limitBytes: 9 } })
})

const bombBytes = Buffer.alloc(64 * mib)
const bombs: Readonly<Record<string, Buffer>> = {
  br: zlib.brotliCompressSync(bombBytes),
  gzip: zlib.gzipSync(bombBytes),
  zstd: zlib.zstdCompressSync(bombBytes),
  'gzip, br': zlib.brotliCompressSync(zlib.gzipSync(bombBytes)),
}

it('knows how small a bomb is', () => {
  expect(bombs['br']?.length).toBeLessThan(150)
})

/** By a stream, as only that leaves the size out and so makes the receiver keep the whole window. */
async function compressedWithWindow(log: number): Promise<Buffer> {
  const compress = zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_windowLog]: log } })
  compress.write('x')
  compress.end('y')
  return Buffer.concat(await compress.toArray())
}

function contextOf(): CapabilityContext {
  return {
    capability: 'http.fetch',
    signal: new AbortController().signal,
    limits: { timeoutMs: 30_000, inputBytes: mib, outputBytes: 100 * mib, concurrent: 1 },
    secrets: {},
    logger: silentLogger,
    sessionId: 's',
    executionId: 'e',
    callId: 'c',
    annotate() {},
  }
}
