import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith } from './fetching.ts'
import { startRawSite } from './site.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const chunked = `${ok}transfer-encoding: chunked\r\n`

it.each([
  ['a length and chunks', `${chunked}content-length: 5\r\n\r\n0\r\n\r\n`, 'HTTP_PROTOCOL_ERROR'],
  ['two lengths', `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`, 'HTTP_PROTOCOL_ERROR'],
  ['a length that is none', `${ok}content-length: 5, 6\r\n\r\nhello`, 'HTTP_PROTOCOL_ERROR'],
  ['a negative length', `${ok}content-length: -5\r\n\r\nhello`, 'HTTP_PROTOCOL_ERROR'],
  ['a chunk size that is none', `${chunked}\r\nxyz\r\n`, 'HTTP_PROTOCOL_ERROR'],
  ['a huge chunk size', `${chunked}\r\nfffffffffffffffff\r\n`, 'HTTP_PROTOCOL_ERROR'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'HTTP_PROTOCOL_ERROR'],
  ['a header without a colon', `${ok}what is this\r\n\r\n`, 'HTTP_PROTOCOL_ERROR'],
  ['a NUL in a header', `${ok}a: b\0c\r\n\r\n`, 'HTTP_PROTOCOL_ERROR'],
  ['a folded header', `${ok}a: b\r\n c: d\r\n\r\n`, 'HTTP_PROTOCOL_ERROR'],
  [
    'an upgrade that nobody asked for',
    'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    'HTTP_PROTOCOL_ERROR',
  ],
  ['100 that nobody asked for', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP_PROTOCOL_ERROR'],
  ['a large header', `${ok}a: ${'x'.repeat(5000)}\r\n\r\n`, 'HTTP_HEADERS_TOO_LARGE'],
  ['many headers', `${ok}${'ab: c\r\n'.repeat(3000)}\r\n`, 'HTTP_HEADERS_TOO_LARGE'],
  ['large trailers', `${chunked}\r\n0\r\na: ${'x'.repeat(5000)}\r\n\r\n`, 'HTTP_HEADERS_TOO_LARGE'],
])('refuses %s', async (_, answer, code) => {
  await using site = await startRawSite((socket) => socket.write(answer))
  await using provider = createTestProvider([site.port], { maxHeaderBytes: 4096 })
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe(code)
  await site.socketClosed(0)
})

it.each([
  ['before an answer', '', 'HTTP_CONNECTION_LOST'],
  ['within the headers', `${ok}a: b`, 'HTTP_CONNECTION_LOST'],
  ['within a body of known length', `${ok}content-length: 10\r\n\r\nhello`, 'HTTP_CONNECTION_LOST'],
  ['within a chunk', `${chunked}\r\na\r\nhello`, 'HTTP_CONNECTION_LOST'],
  ['where the length is not known', `${ok}\r\nhello`, 'no error'],
])('tells of a connection that ends %s', async (_, answer, code) => {
  await using site = await startRawSite((socket) => socket.end(answer))
  await using provider = createTestProvider([site.port])
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe(code)
})

it('tells a lost connection from a body that cannot be decoded', async () => {
  const body = gzipSync('a text').subarray(0, 15)
  await using site = await startRawSite((socket) => {
    socket.write(`${ok}content-encoding: gzip\r\ncontent-length: 100\r\n\r\n`)
    socket.end(body)
  })
  await using provider = createTestProvider([site.port])
  expect(await codeOf(fetchWith(provider, `http://a.example.com:${site.port}/`))).toBe('HTTP_CONNECTION_LOST')
})

it('does not take bytes after a response for the next one', async () => {
  await using site = await startRawSite((socket, head) => {
    const isFirst = head.startsWith('GET /first')
    const smuggled = `${ok}content-length: 4\r\n\r\nevil`
    socket.write(`${ok}content-length: 2\r\n\r\n${isFirst ? `ok${smuggled}` : 'me'}`)
  })
  await using provider = createTestProvider([site.port])
  const base = `http://a.example.com:${site.port}`
  const first = await fetchWith(provider, `${base}/first`).then((result) => result.text(), String)
  const second = await fetchWith(provider, `${base}/second`)
  expect([first, second.text()]).toEqual(['ok', 'me'])
  await site.socketClosed(0)
})

it('shortens an endless reason phrase', async () => {
  await using site = await startRawSite((socket) =>
    socket.write(`HTTP/1.1 200 ${'x'.repeat(3000)}\r\ncontent-length: 0\r\n\r\n`),
  )
  await using provider = createTestProvider([site.port])
  const { value } = await fetchWith(provider, `http://a.example.com:${site.port}/`)
  expect(value.statusText.length).toBeLessThanOrEqual(256)
})

it('skips informational responses', async () => {
  await using site = await startRawSite((socket) => {
    socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}content-length: 2\r\n\r\nok`)
  })
  await using provider = createTestProvider([site.port])
  expect((await fetchWith(provider, `http://a.example.com:${site.port}/`)).text()).toBe('ok')
})
