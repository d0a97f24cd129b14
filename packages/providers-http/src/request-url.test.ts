import { expect, it } from 'vitest'
import { normalizedUrl, parseRequestUrl, portOf } from './request-url.ts'

it.each([
  ['/path', 'the URL is not absolute or not well formed'],
  ['https://a.example./', "the URL must not have a host that ends with '.'"],
  ['https://a:b@c.example/', 'the URL must not hold a user name or password'],
  ['https://a.example:0/', 'the URL must not have the port 0'],
  ['https://a~b.example/', 'the URL has a host that is neither an address nor a name of letters, digits, - and _'],
  [`https://a.example/${'x'.repeat(9000)}`, 'the URL is longer than 8192 characters'],
])('says what is wrong with %.30s', (text, message) => {
  expect(() => parseRequestUrl(text)).toThrow(message)
})

it('drops the fragment, and reads a redirect by its base', () => {
  expect(parseRequestUrl('https://a.example/#x').href).toBe('https://a.example/')
  expect(parseRequestUrl('../c?d#e', new URL('https://a.example/a/b')).href).toBe('https://a.example/c?d')
})

it('knows the port that is dialled', () => {
  const ports = ['https://a', 'http://a', 'https://a:80', 'http://a:8080', 'https://a:443'].map((text) =>
    portOf(new URL(text)),
  )
  expect(ports).toEqual([443, 80, 80, 8080, 443])
})

it('leaves what is no URL as it is', () => {
  expect([normalizedUrl('nonsense'), normalizedUrl('HTTP://A.example')]).toEqual(['nonsense', 'http://a.example/'])
})
