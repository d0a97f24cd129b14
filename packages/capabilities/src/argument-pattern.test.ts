import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ArgumentPattern,
  argumentPatternSchema,
  compileArgumentPattern,
  describeArgumentPattern,
} from './argument-pattern.ts'

const matches = (pattern: ArgumentPattern, value: unknown): boolean => compileArgumentPattern(pattern, false)(value)
const denies = (pattern: ArgumentPattern, value: unknown): boolean => compileArgumentPattern(pattern, true)(value)

it.each<[ArgumentPattern, unknown, unknown]>([
  [{ equals: 'a' }, 'a', 'b'],
  [{ equals: null }, null, 0],
  [{ in: ['GET', 1, true] }, 'GET', 'POST'],
  [{ in: ['GET', 1, true] }, true, 'true'],
  [{ startsWith: 'ab' }, 'abc', 'cab'],
  [{ endsWith: 'bc' }, 'abc', 5],
  [{ glob: 'data:/**' }, 'data:/x', ['data:/x']],
  [{ glob: ['a/*', 'b/*'] }, 'b/x', 'c/x'],
  [{ host: 'api.example.com' }, 'https://API.example.com:8443/x', 'https://api.example.com.evil.test/'],
  [{ host: 'api.example.com' }, 'https://api.example.com./x', 'https://api.example.com@evil.test/'],
  [{ host: '*.example.com' }, 'https://a.b.example.com/', 'https://example.com/'],
  [{ host: '*.example.com' }, 'https://a.example.com/', 'https://evilexample.com/'],
  [{ host: ['[::1]', '127.0.0.1'] }, 'http://[0:0::1]/', 'http://[::2]/'],
  [{ host: '127.0.0.1' }, 'http://0x7f.1/', 'http://127.0.0.2/'],
  [{ min: 1, max: 3 }, 3, 4],
  [{ min: 1 }, 5n, Number.NaN],
  [{ max: 1 }, 0, '0'],
  [{ maxLength: 2 }, 'ab', 'abc'],
  [{ maxLength: 2 }, new Uint8Array(2), new Uint8Array(3)],
  [{ maxLength: 2 }, [], {}],
  [{ not: { equals: 'a' } }, 'b', 'a'],
  [{ every: { startsWith: 'a' } }, ['a', 'ab'], ['a', 'b']],
  [{ every: { startsWith: 'a' } }, [], 'a'],
  [{ some: { equals: '-f' } }, ['a', '-f'], ['a']],
  [{ exists: true }, null, undefined],
  [{ exists: false }, undefined, null],
  [{ equals: 'a', optional: true }, undefined, 'b'],
])('%# matches one and not the other', (pattern, good, bad) => {
  expect(argumentPatternSchema.safeParse(pattern).error).toBeUndefined()
  expect([matches(pattern, good), matches(pattern, bad)]).toEqual([true, false])
})

it('matches nothing that is not there, unless it says so', () => {
  const patterns: ArgumentPattern[] = [
    { equals: 'a' },
    { not: { equals: 'a' } },
    { not: { exists: true } },
    { every: { equals: 1 } },
    { glob: '**' },
  ]
  for (const pattern of patterns)
    expect([matches(pattern, undefined), denies(pattern, undefined)]).toEqual([false, false])
})

describe('what cannot be judged', () => {
  const paths = [
    'data:/a/../secret/x',
    'data:/./secret',
    'data:/..',
    '..',
    '/%2e%2E/x',
    'data:/a//b',
    'a\\..\\b',
    'a\0b',
  ]

  it.each([...paths, `data:/${'x'.repeat(20_000)}`])('%#: a glob allows nothing and denies all', (path) => {
    expect(matches({ glob: ['data:/**', '**'] }, path)).toBe(false)
    expect(denies({ glob: 'data:/secret/**' }, path)).toBe(true)
    // the other way round within `not`
    expect(matches({ not: { glob: 'data:/secret/**' } }, path)).toBe(false)
    expect(denies({ not: { glob: 'data:/public/**' } }, path)).toBe(true)
    expect(matches({ every: { not: { glob: 'data:/secret/**' } } }, [path])).toBe(false)
  })

  it('is not what only looks like it', () => {
    for (const path of ['data:/a..b/c', 'data:/.env', 'data:/...', 'https://a/b', 'a.b', 'data:/a.']) {
      expect(matches({ glob: '**' }, path)).toBe(true)
    }
  })

  it.each(['not a url', '/relative', 'https://', `https://a/${'x'.repeat(20_000)}`])(
    'is a URL that is none: %#',
    (url) => {
      expect([matches({ host: 'a' }, url), denies({ host: 'b' }, url)]).toEqual([false, true])
    },
  )
})

it('refuses patterns that could not mean anything', () => {
  const wrong = [
    {},
    { optional: true },
    { glob: 'data:/../x' },
    { glob: [] },
    { glob: '*a'.repeat(17) },
    { glob: 'a//b' },
    { host: 'https://a' },
    { host: 'A.example' },
    { host: 'a:443' },
    { host: 'a.*' },
    { equal: 1 },
    { in: [] },
    { startsWith: '' },
    { maxLength: -1 },
    { not: {} },
    { equals: 'x'.repeat(513) },
  ]
  expect(wrong.filter((pattern) => argumentPatternSchema.safeParse(pattern).success)).toEqual([])
})

it('answers for anything', () => {
  const pattern: ArgumentPattern = { glob: ['**a*b**', 'data:/?*'], host: ['*.a', 'b'], not: { endsWith: 'x' } }
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string().map((text) => `https://${text}`),
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.anything(),
      ),
      (value) => {
        expect(typeof matches(pattern, value)).toBe('boolean')
      },
    ),
  )
})

it('describes itself', () => {
  expect(describeArgumentPattern({ in: ['GET', 'HEAD'], optional: true })).toBe(
    'be one of "GET", "HEAD", or not be there',
  )
  expect(describeArgumentPattern({ not: { glob: 'a/**' }, exists: false })).toBe('not (match "a/**") and not be there')
})
