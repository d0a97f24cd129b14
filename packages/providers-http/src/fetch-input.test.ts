import { capabilityBody } from '@capsule/provider-sdk'
import { expect, it } from 'vitest'
import { describeFetch, fetchInput } from './fetch-input.ts'

const read = (input: unknown) => fetchInput.safeParse(input)

it('gives policies one form of URL and method', () => {
  expect(read({ url: ' HTTPS://API.Example.COM:443/a/../b#c', method: 'post' }).data).toEqual({
    url: 'https://api.example.com/b#c',
    method: 'POST',
    redirect: 'follow',
  })
  // what is no URL stays as it is: the handler refuses it with HTTP_URL_INVALID
  expect(read({ url: '/a' }).data).toMatchObject({ url: '/a', method: 'GET' })
})

it('takes text, bytes, a stream, and headers of both forms', () => {
  for (const body of ['x', new Uint8Array(1), capabilityBody]) {
    expect(read({ url: 'x', method: 'POST', body }).success).toBe(true)
  }
  for (const headers of [{ a: 'b' }, [['a', 'b']], []]) expect(read({ url: 'x', headers }).success).toBe(true)
  const wrong = [
    { url: 1 },
    {},
    { url: 'x', body: 5, method: 'PUT' },
    { url: 'x', headers: [['a']] },
    { url: 'x', method: 'G T' },
  ]
  for (const input of [...wrong, { url: 'x', redirect: 'x' }, { url: 'x', other: 1 }, { url: 'x', method: 'ſ' }]) {
    expect([input, read(input).success]).toEqual([input, false])
  }
})

it.each([
  ['https://u:p@a.example:8443/x?token=s3cret&q=1&q=2#frag', 'GET https://a.example:8443/x?token=…&q=…'],
  ['https://a.example/?%0a%E2%80%AE=1', 'GET https://a.example/?%0A%E2%80%AE=…'],
  ['nonsense', 'GET (no http URL)'],
  ['data:text/plain,s3cret', 'GET (no http URL)'],
])('describes %s', (url, line) => {
  expect(describeFetch({ url, method: 'GET', redirect: 'follow' })).toBe(line)
})

it('describes in one short line', () => {
  const line = describeFetch({ url: `https://a.example/${'x'.repeat(500)}`, method: 'GET', redirect: 'follow' })
  expect(line).toHaveLength(200)
  expect(line.endsWith('x…')).toBe(true)
})
