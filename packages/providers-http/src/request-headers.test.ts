import fc from 'fast-check'
import { expect, it } from 'vitest'
import { httpErrors } from './errors.ts'
import { checkRequestHeaders, headersForOtherOrigin, headersWithoutBody, type HeaderPair } from './request-headers.ts'

const limitBytes = 1000
const anything = { allowed: ['*'], limitBytes }

it('lets nothing through that could be read as another header or another request', () => {
  const piece = fc.constantFrom(
    '\r',
    '\n',
    '\0',
    ': ',
    ' ',
    '\t',
    '\u{2028}',
    '\u0085',
    '\u00ff',
    '\u010a',
    '\ud800',
    'host',
    'TE',
    'a',
    'K',
    'ſ',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
    fc.string(),
  )
  let accepted = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }), (given) => {
      let headers: HeaderPair[]
      try {
        headers = checkRequestHeaders(given, anything)
      } catch (error) {
        if (!httpErrors.HTTP_HEADER_NOT_ALLOWED.is(error)) throw error
        return
      }
      accepted++
      const bytes = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n')
      for (const line of Buffer.from(bytes, 'latin1')
        .toString('latin1')
        .split(/[\r\n\0]+/)) {
        expect(line).toMatch(/^(?!host:|te:|connection:)[!#$%&'*+\-.^_`|~0-9a-z]+: [^\r\n\0]*$/)
      }
      expect(Buffer.from(bytes, 'latin1').toString('latin1')).toBe(bytes)
    }),
    { numRuns: 3000 },
  )
  expect(accepted).toBeGreaterThan(50)
})

it('takes no longer for hostile values than for others', () => {
  const spaces = ' '.repeat(2_000_000)
  expect(() => checkRequestHeaders([['accept', `${spaces}x`]], anything)).not.toThrow()
  expect(() => checkRequestHeaders([['accept', `x${spaces}x`]], anything)).toThrow(/larger than 1000 bytes/)
})

it('covers prefixes, and never what no option can open', () => {
  const options = { allowed: ['x-*', 'p*', 'accept'], limitBytes }
  expect(
    checkRequestHeaders(
      [
        ['X-A', '1'],
        ['Accept', '2'],
      ],
      options,
    ),
  ).toEqual([
    ['x-a', '1'],
    ['accept', '2'],
  ])
  for (const name of ['proxy-authorization', 'x-http-method', 'y', 'accept-language']) {
    expect(() => checkRequestHeaders([[name, '']], options)).toThrow(name)
  }
})

it('names a header in its error, shortened, and never its value', () => {
  const header = 'é'.repeat(500)
  expect(() => checkRequestHeaders([[header, 's3cret']], anything)).toThrow(/^the request header "é{64}" has/)
  expect(() => checkRequestHeaders([['accept', 's3cret\n']], anything)).toThrow(
    /^the request header "accept" has a value with/,
  )
})

it('drops headers of the body, and on another origin all that is not known to be harmless', () => {
  const headers: HeaderPair[] = [
    ['accept', 'a'],
    ['content-type', 'b'],
    ['x-custom', 'c'],
    ['if-match', 'd'],
  ]
  expect(headersForOtherOrigin(headers).map(([name]) => name)).toEqual(['accept', 'content-type'])
  expect(headersWithoutBody(headers).map(([name]) => name)).toEqual(['accept', 'x-custom', 'if-match'])
})
