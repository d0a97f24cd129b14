import fc from 'fast-check'
import { Packr } from 'msgpackr/pack'
import { describe, expect, it } from 'vitest'
import { createCodec, defaultLimits } from '../index.ts'
import { checkEncodable } from './encodable.ts'

const codec = createCodec('msgpack')
const other = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true, moreTypes: false })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const numbers = [
  0,
  -0,
  1,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  1.5,
  -1.5,
  5e-324,
  -1,
  -32,
  -33,
  -128,
  -129,
  -32_768,
  -32_769,
  -(2 ** 31),
  -(2 ** 31) - 1,
]
const lengths = [0, 1, 15, 16, 24, 25, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 20_000, 65_535, 65_536]
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc
    .constantFrom(...lengths)
    .chain((length) => fc.constantFrom('a', 'é', '€', '😀').map((unit) => unit.repeat(length))),
)
const { message } = fc.letrec((tie) => ({
  message: fc.dictionary(
    text.filter((key) => key !== '__proto__'),
    tie('item'),
    { maxKeys: 20 },
  ),
  item: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.constantFrom(...numbers),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom(...lengths).map((length) => new Uint8Array(length).fill(7)),
    fc.array(tie('item'), { maxLength: 20 }),
    tie('message'),
  ),
}))

/** Bytes as text, so that a Buffer equals a Uint8Array. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key, item: unknown) {
      return this[key] instanceof Uint8Array ? hex(this[key]) : item
    }),
  )

describe('MessagePack', () => {
  it('is written byte for byte as another implementation writes it', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(hex(codec.encode(value as object))).toBe(hex(other.pack(value)))
      }),
    )
  })

  it('is read as another implementation reads it', () => {
    fc.assert(
      fc.property(message, (value) => {
        const payload = other.pack(value)
        expect(plain(codec.decode(payload, defaultLimits))).toEqual(plain(other.unpack(payload)))
      }),
    )
  })

  it.each(lengths)('carries %i properties and %i items', (count) => {
    const list = Array.from({ length: count }, (_, index) => index - 5)
    const map = Object.fromEntries(list.map((item) => [`k${item}`, item]))
    const payload = codec.encode({ list, map })
    expect(hex(payload)).toBe(hex(other.pack({ list, map })))
    expect(codec.decode(payload, defaultLimits)).toEqual({ list, map })
  })

  it('leaves what was written before as it is', () => {
    const sizes = [10, 5000, 9000, 16_384, 100_000, 3]
    const payloads = sizes.map((size) => codec.encode({ text: 'x'.repeat(size), list: Array(size % 100).fill(size) }))
    expect(() => codec.encode({ text: 'refused half-way', bad: 5n })).toThrow('bigint')
    codec.encode({ text: 'y'.repeat(100) })
    const read = payloads.map((payload) => (codec.decode(payload, defaultLimits) as { text: string }).text)
    expect(read).toEqual(sizes.map((size) => 'x'.repeat(size)))
  })

  it('reads every form that another writer may choose', () => {
    const forms: readonly (readonly [string, unknown])[] = [
      ['d9 01 61', 'a'],
      ['da 0001 61', 'a'],
      ['db 00000001 61', 'a'],
      ['cc 05', 5],
      ['cd 0005', 5],
      ['ce ffffffff', 2 ** 32 - 1],
      ['cf 0000000100000000', 2 ** 32],
      ['d0 ff', -1],
      ['d1 fffe', -2],
      ['d2 fffffffd', -3],
      ['d3 fffffffffffffffc', -4],
      ['cf ffffffffffffffff', 2n ** 64n - 1n],
      ['ca 3fc00000', 1.5],
      ['cb 3ff8000000000000', 1.5],
      ['c0', null],
      ['dc 0001 c3', [true]],
      ['dd 00000001 c2', [false]],
      ['de 0001 a1 61 01', { a: 1 }],
      ['df 00000001 a1 61 01', { a: 1 }],
      ['c5 0001 07', Buffer.from([7])],
      ['c6 00000001 07', Buffer.from([7])],
    ]
    for (const [bytes, value] of forms) {
      expect(codec.decode(Buffer.from(`81a176${bytes.replaceAll(' ', '')}`, 'hex'), defaultLimits)).toEqual({
        v: value,
      })
    }
  })

  it('takes no text for another of the same length and ends', () => {
    const texts = ['abcdef', 'axcdef', 'abcdxf', 'axcdxf', 'é', 'Ã©', '\ufffd\ufffd']
    for (const value of [...texts, ...texts.toReversed()]) {
      expect(codec.decode(codec.encode({ value }), defaultLimits)).toEqual({ value })
    }
    // not UTF-8, and as long in characters as in bytes
    const broken = Buffer.from('81a176a2ffff', 'hex')
    for (let round = 0; round < 2; round++) expect(codec.decode(broken, defaultLimits)).toEqual({ v: '\ufffd\ufffd' })
  })

  it('is refused for the same messages, with the same words, as JSON', () => {
    const refused = fc.constantFrom<unknown>(5n, Number.NaN, -Infinity, () => {}, Symbol('x'), new Date(0), new Map(), [
      undefined,
    ])
    const spoiled = fc.letrec((tie) => ({
      item: fc.oneof({ depthSize: 'small' }, refused, fc.constant(1), fc.array(tie('item')), tie('message')),
      message: fc.dictionary(fc.string(), tie('item')),
    })).message
    const failure = (attempt: () => unknown): string => {
      try {
        attempt()
        return 'none'
      } catch (error) {
        return (error as Error).message
      }
    }
    fc.assert(
      fc.property(spoiled, fc.integer({ min: 1, max: 5 }), (value, depth) => {
        expect(failure(() => codec.encode(value as object, { ...defaultLimits, depth }))).toBe(
          failure(() => checkEncodable(value as object, depth)),
        )
      }),
    )
  })
})
