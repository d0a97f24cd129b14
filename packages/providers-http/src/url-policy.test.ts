import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseHostPattern } from './host-pattern.ts'
import { isPublicAddress } from './public-address.ts'
import { parseRequestUrl } from './request-url.ts'
import { createUrlPolicy, type UrlRules } from './url-policy.ts'

const patterns = (texts: readonly string[]) => texts.map((text) => parseHostPattern(text)!)

function policyOf({
  allow = ['*'],
  deny = [],
  allowPrivate = [],
  ...rules
}: Partial<Record<'allow' | 'deny' | 'allowPrivate', string[]>> & Partial<Pick<UrlRules, 'schemes' | 'ports'>>) {
  const lists = { allow: patterns(allow), deny: patterns(deny), allowPrivate: patterns(allowPrivate) }
  return createUrlPolicy({ schemes: ['https', 'http'], ports: [], ...rules, ...lists }, isPublicAddress)
}

/** The code of the refusal, or `allowed`. */
function decided(policy: ReturnType<typeof policyOf>, text: string, base?: URL): string {
  try {
    policy.check(parseRequestUrl(text, base))
    return 'allowed'
  } catch (error) {
    return (error as { code: string }).code
  }
}

it.each([
  ['https://api.example.com/', 'allowed'],
  ['HTTPS://API.EXAMPLE.COM:443', 'allowed'],
  ['http://api.example.com/', 'allowed'],
  ['https://api%2Eexample.com/', 'allowed'],
  ['https://api。example．com/', 'allowed'],
  ['https://a.wild.example/', 'allowed'],
  ['https://a.wild.example:9000/', 'allowed'],
  ['https://only.example:8443/', 'allowed'],
  ['https://wild.example/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://not.wild.example/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://b.not.wild.example/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://api.example.com.evil.org/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://api.example.com\\@evil.org/', 'allowed'],
  ['https://evil.org#@api.example.com/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://8.8.8.8/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://only.example/', 'HTTP_PORT_NOT_ALLOWED'],
  ['https://only.example:9000/', 'HTTP_PORT_NOT_ALLOWED'],
  ['http://api.example.com:443/', 'HTTP_PORT_NOT_ALLOWED'],
  ['https://api.example.com:22/', 'HTTP_PORT_NOT_ALLOWED'],
  ['https://closed.example.com:9000/', 'HTTP_HOST_NOT_ALLOWED'],
  ['https://closed.example.com/', 'allowed'],
  ['ftp://api.example.com/', 'HTTP_SCHEME_NOT_ALLOWED'],
  ['file:///etc/passwd', 'HTTP_SCHEME_NOT_ALLOWED'],
  ['data:,x', 'HTTP_SCHEME_NOT_ALLOWED'],
  ['https://u@api.example.com/', 'HTTP_URL_INVALID'],
  ['https://:p@api.example.com/', 'HTTP_URL_INVALID'],
  ['https://api.example.com./', 'HTTP_URL_INVALID'],
  ['https://api..example.com/', 'HTTP_URL_INVALID'],
  ["https://api'.example.com/", 'HTTP_URL_INVALID'],
  ['https://api.example.com:0/', 'HTTP_URL_INVALID'],
  ['https://api.example.com:99999/', 'HTTP_URL_INVALID'],
  ['https://', 'HTTP_URL_INVALID'],
  ['/path', 'HTTP_URL_INVALID'],
  ['', 'HTTP_URL_INVALID'],
  [`https://api.example.com/${'a'.repeat(8200)}`, 'HTTP_URL_INVALID'],
])('%j is %s', (text, code) => {
  const policy = policyOf({
    allow: ['api.example.com', '*.wild.example', 'only.example:8443', 'closed.example.com'],
    deny: ['not.wild.example', '*.not.wild.example', 'closed.example.com:9000'],
    ports: [9000],
  })
  expect(decided(policy, text)).toBe(code)
})

it('refuses http where only https is granted, and says so', () => {
  const policy = policyOf({ schemes: ['https'] })
  expect(() => policy.check(new URL('http://a.example/'))).toThrow("the scheme 'http' may not be used, only https")
})

// An oracle of its own: ranges as numbers, from the registries of IANA, not the library.
const refusedV4 = (
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.31.196.0', 24],
    ['192.52.193.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['192.175.48.0', 24],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const
).map(([base, bits]) => ({
  first: base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0),
  size: 2 ** (32 - bits),
}))
const isRefusedV4 = (value: number): boolean =>
  refusedV4.some(({ first, size }) => value >= first && value < first + size)

const forbidden = fc.oneof(
  ...refusedV4.map(({ first, size }) => fc.integer({ min: 0, max: size - 1 }).map((offset) => first + offset)),
)
const octets = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
const hex = (value: number, digits = 1): string => value.toString(16).padStart(digits, '0')
const groups = (value: number): string => `${hex(value >>> 16)}:${hex(value & 0xffff)}`
const dotted = (value: number): string => octets(value).join('.')

/** One number of an address: decimal, hexadecimal or octal, with zeros before it. */
const numberText = (value: number): fc.Arbitrary<string> =>
  fc.constantFrom(
    String(value),
    `0x${hex(value)}`,
    `0X${hex(value).toUpperCase()}`,
    `0${value.toString(8)}`,
    `0x000${hex(value)}`,
    `000${value.toString(8)}`,
  )

const v4Text = (value: number): fc.Arbitrary<string> => {
  const [a, b, c, d] = octets(value) as [number, number, number, number]
  const partings = [[value], [a, value & 0xffffff], [a, b, value & 0xffff], [a, b, c, d]]
  return fc
    .constantFrom(...partings)
    .chain((parts) => fc.tuple(...parts.map(numberText)))
    .map((parts) => parts.join('.'))
}

/** What browsers and `URL` take for the same characters. */
const disguised = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom('plain', 'fullwidth', 'percent', 'circled'), {
      minLength: text.length,
      maxLength: text.length,
    })
    .map((styles) => Array.from(text, (character, index) => disguise(character, styles[index])).join(''))

function disguise(character: string, style: string | undefined): string {
  if (style === 'percent') return `%${hex(character.charCodeAt(0), 2)}`
  if (style === 'circled' && /[1-9]/.test(character)) return String.fromCharCode(0x245f + Number(character))
  if (style !== 'fullwidth') return character
  return character === '.' ? '。' : String.fromCharCode(character.charCodeAt(0) + 0xfee0)
}

const v6Text = (value: number): fc.Arbitrary<string> =>
  fc.constantFrom(
    `::ffff:${dotted(value)}`,
    `::ffff:${groups(value)}`,
    `0:0:0:0:0:FFFF:${groups(value)}`,
    `::${dotted(value)}`,
    `::ffff:0:${groups(value)}`,
    `64:ff9b::${dotted(value)}`,
    `64:ff9b:1::${groups(value)}`,
    `64:ff9b:1:0:0:${groups(value)}:0`,
    `2002:${groups(value)}::`,
    `2002:${groups(value)}::${groups(value)}`,
    `2001:0:${groups(value)}::`,
    `2001:0:1:2:3:4:${groups(~value >>> 0)}`,
    `fe80::${groups(value)}`,
    `fd00::${groups(value)}`,
    `fec0::${groups(value)}`,
    `100::${groups(value)}`,
    `ff02::${groups(value)}`,
    `4000::${groups(value)}`,
  )

const everywhere = policyOf({})
const suffix = fc.constantFrom('', '/', '/a?b#c', ':80', ':80/x', '?@8.8.8.8', '#@a.example', '\\@8.8.8.8')
const scheme = fc.constantFrom('http://', 'HTTP:\\\\', 'http:/', 'http:', ' http://', 'ht\ntp://')

it('refuses forbidden addresses however they are written', () => {
  const hosts = forbidden.chain((value) =>
    fc.oneof(
      v4Text(value),
      v4Text(value).chain(disguised),
      v6Text(value).map((text) => `[${text}]`),
    ),
  )
  fc.assert(
    fc.property(scheme, hosts, suffix, (start, host, end) => {
      expect(decided(everywhere, start + host + end)).toMatch(/^HTTP_(ADDRESS_NOT_ALLOWED|URL_INVALID)$/)
    }),
    { numRuns: 5000 },
  )
})

it('agrees with the oracle about every IPv4 address, however it is written', () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), forbidden)
  fc.assert(
    fc.property(
      value.chain((number) => fc.tuple(fc.constant(number), v4Text(number))),
      ([number, text]) => {
        expect(decided(everywhere, `http://${text}/`)).toBe(
          isRefusedV4(number) ? 'HTTP_ADDRESS_NOT_ALLOWED' : 'allowed',
        )
        expect(everywhere.isAddressAllowed(new URL('http://a.example/'), dotted(number))).toBe(!isRefusedV4(number))
      },
    ),
    { numRuns: 5000 },
  )
})

it('allows no IPv6 address outside of 2000::/3', () => {
  const outside = fc.tuple(
    fc.integer({ min: 0, max: 0xffff }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 }),
  )
  fc.assert(
    fc.property(outside, ([first, others]) => {
      fc.pre(first >> 13 !== 1)
      const address = [first, ...others].map((part) => hex(part)).join(':')
      expect(decided(everywhere, `http://[${address}]/`)).toBe('HTTP_ADDRESS_NOT_ALLOWED')
    }),
  )
})

it('sends only to the host that is allowed, whatever the text', () => {
  const policy = policyOf({ allow: ['good.example.com'] })
  const piece = fc.constantFrom(
    'http',
    'https',
    ':',
    '/',
    '//',
    '\\',
    '@',
    '#',
    '?',
    '%',
    '%2f',
    '%40',
    '%00',
    '\0',
    '\t',
    '\n',
    ' ',
    '.',
    '。',
    '．',
    ':443',
    ':80',
    ':0',
    'good.example.com',
    'GOOD.example.com',
    'good．example。com',
    'evil.org',
    '127.0.0.1',
    '[::1]',
    'xn--',
    '\u00ad',
    '\u200b',
    '\u202e',
    'ß',
    'K',
    '[',
    ']',
    '&',
    ';',
    '|',
    '^',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map((pieces) => `https://${pieces.join('')}`),
    fc.array(piece, { maxLength: 6 }).map((pieces) => `https://good.example.com${pieces.join('')}`),
    fc.webUrl(),
    fc.string({ unit: 'binary' }),
  )
  let allowed = 0
  fc.assert(
    fc.property(text, fc.constantFrom(undefined, new URL('https://good.example.com/a/b?c')), (given, base) => {
      if (decided(policy, given, base) !== 'allowed') return
      allowed++
      const { origin, pathname, search } = parseRequestUrl(given, base)
      expect(origin).toMatch(/^https?:\/\/good\.example\.com$/)
      // what undici puts into the first line of a request
      expect(pathname + search).toMatch(/^\/[\x21-\x7e]*$/)
    }),
    { numRuns: 5000 },
  )
  expect(allowed).toBeGreaterThan(100)
})
