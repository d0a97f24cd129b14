import { expect, it } from 'vitest'
import { addressOf, coversHost, isHostname, parseHostPattern } from './host-pattern.ts'

it.each([
  ['API.Example.com', 'exact', 'api.example.com', undefined],
  ['api.example.com:8443', 'exact', 'api.example.com', 8443],
  ['api.example.com:80', 'exact', 'api.example.com', 80],
  ['*.example.com', 'below', 'example.com', undefined],
  ['*.example.com:1', 'below', 'example.com', 1],
  ['*', 'any', '', undefined],
  ['*:8080', 'any', '', 8080],
  ['bücher.example', 'exact', 'xn--bcher-kva.example', undefined],
  ['localhost:3000', 'exact', 'localhost', 3000],
  ['my_service', 'exact', 'my_service', undefined],
  ['127.0.0.1:65535', 'exact', '127.0.0.1', 65_535],
  ['[::1]:8080', 'exact', '[::1]', 8080],
  ['[2001:DB8:0:0::1]', 'exact', '[2001:db8::1]', undefined],
])('reads %s', (text, kind, hostname, port) => {
  expect(parseHostPattern(text)).toEqual({ kind, hostname, port })
})

it.each([
  '',
  ' ',
  '.',
  'a.',
  'a..b',
  '.a',
  '-a',
  'a-',
  '*.',
  '**.a',
  '*a',
  'a.*',
  'a.*.b',
  '*.*.a',
  '*.1.2.3.4',
  '*.[::1]',
  '**',
  'https://a',
  'a/b',
  'u@a',
  'a:0',
  'a:65536',
  'a:x',
  'a:',
  'a:1:2',
  '::1',
  '[::1',
  '::1]',
  '[::g]',
  'a%2eb',
  'a b',
  'a\n',
  'a?b',
  'a#b',
  'a\\b',
  '300.1.1.1',
  'a$b',
  'x'.repeat(64),
  `${'a.'.repeat(127)}a`,
])('does not read %j', (text) => expect(parseHostPattern(text)).toBeUndefined())

it('covers names below by whole labels, not the name itself', () => {
  const below = parseHostPattern('*.example.com')!
  const hosts = [
    'a.example.com',
    'a.b.example.com',
    'example.com',
    'aexample.com',
    'example.com.evil.org',
    'a.example.com.evil.org',
  ]
  expect(hosts.filter((host) => coversHost(below, host))).toEqual(['a.example.com', 'a.b.example.com'])
})

it('knows addresses as a URL writes them', () => {
  expect(['127.0.0.1', '[::1]', 'a.b', '[a]', '::1'].map(addressOf)).toEqual([
    '127.0.0.1',
    '::1',
    undefined,
    undefined,
    '::1',
  ])
  expect(['a.b', '[::1]', 'a..b', 'a.b.', "a'b"].map(isHostname)).toEqual([true, true, false, false, false])
})
