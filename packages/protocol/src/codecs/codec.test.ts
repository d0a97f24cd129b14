import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, createCodec, defaultLimits, protocolErrors } from '../index.ts'

const codes = Object.keys(protocolErrors)
const msgpack = createCodec('msgpack')
const json = createCodec('json')

/** The code an attempt fails with, or `decoded`. */
function outcome(codec: Codec, bytes: Uint8Array, depth = 64): string {
  try {
    codec.decode(bytes, { ...defaultLimits, depth })
    return 'decoded'
  } catch (error) {
    return (error as { code: string }).code
  }
}
const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')

const message = fc.dictionary(
  fc.string(),
  fc.letrec((tie) => ({
    item: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.array(tie('item')),
      fc.dictionary(
        fc.oneof(fc.string(), fc.constant('$bytes')).filter((key) => key !== '__proto__'),
        tie('item'),
      ),
    ),
  })).item,
)

/** Bytes as plain arrays and no -0, so that messages compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => [key, plain(item)])
  return Object.is(value, -0) ? 0 : value
}

describe.each([msgpack, json])('$name', (codec) => {
  it('returns any message as it was', () => {
    fc.assert(
      fc.property(message, (original) => {
        fc.pre(!Object.hasOwn(original, '__proto__'))
        expect(plain(codec.decode(codec.encode(original), defaultLimits))).toEqual(plain(original))
      }),
    )
  })

  it('answers any bytes with a value or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        expect(['decoded', 'FRAME_TOO_DEEP', 'FRAME_MALFORMED']).toContain(outcome(codec, payload))
      }),
      { numRuns: 3000 },
    )
  })

  it('answers any damaged message with a value or a typed error', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (original, at, byte, cut) => {
        const payload = Buffer.from(codec.encode(original))
        payload[at % payload.length] = byte
        expect(['decoded', ...codes]).toContain(outcome(codec, payload.subarray(0, cut % (payload.length + 1))))
      }),
      { numRuns: 2000 },
    )
  })

  it('omits undefined properties, at every level', () => {
    const decoded = codec.decode(
      codec.encode({ a: undefined, b: { c: undefined, d: [{ e: undefined }] } }),
      defaultLimits,
    )
    expect(decoded).toStrictEqual({ b: { d: [{}] } })
  })

  it('refuses to encode what is nested too deeply or contains itself', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(() => codec.encode(circle)).toThrow(expect.objectContaining({ code: 'FRAME_TOO_DEEP' }))
    expect(() => codec.encode({ a: { b: {} } }, { ...defaultLimits, depth: 2 })).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_DEEP', details: { depth: 2 } }),
    )
    expect(
      codec.decode(codec.encode({ a: { b: {} } }, { ...defaultLimits, depth: 3 }), { ...defaultLimits, depth: 3 }),
    ).toEqual({
      a: { b: {} },
    })
  })

  it.each([
    ['a function', () => {}],
    ['a symbol', Symbol('x')],
    ['a BigInt', 5n],
    ['NaN', Number.NaN],
    ['an infinite number', Infinity],
    ['a Date', new Date()],
    ['a Map', new Map()],
    ['an undefined item', [undefined]],
  ])('refuses to encode %s', (_name, value) => {
    expect(() => codec.encode({ field: value })).toThrow(expect.objectContaining({ code: 'MESSAGE_NOT_ENCODABLE' }))
  })

  it('names the field that cannot be encoded', () => {
    expect(() => codec.encode({ a: { text: 5n } })).toThrow('text cannot be sent: it is of type bigint')
  })

  it('accepts exactly the depth that is allowed', () => {
    const payload = codec.encode({ a: [[[]]] })
    expect(outcome(codec, payload, 4)).toBe('decoded')
    expect(outcome(codec, payload, 3)).toBe('FRAME_TOO_DEEP')
  })

  it('lets no message reach a prototype', () => {
    const evil = Buffer.from(
      JSON.stringify({ a: 1 }).replace('"a":1', '"__proto__":{"polluted":true},"list":[{"__proto__":[]}]'),
    )
    const payload = codec === json ? evil : bytes('81 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 c3')
    const decoded = codec.decode(payload, defaultLimits) as object
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(Object.hasOwn(decoded, '__proto__')).toBe(false)
    expect(({ ...decoded } as { polluted?: unknown }).polluted).toBeUndefined()
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('a hostile MessagePack frame', () => {
  it.each([
    ['array32 with 4e9 items', 'dd ee6b2800'],
    ['map32 with 4e9 entries', 'df ee6b2800'],
    ['str32 of 4 GB', 'db ffffffff'],
    ['bin32 of 4 GB', 'c6 ffffffff'],
    ['array16 larger than the rest', 'dc 0005 01 02'],
    ['arrays that claim the same bytes twice', '92 dc 0004 dc 0004 00 00'],
    ['a header cut in the middle', 'dd 0000'],
    ['nothing', ''],
    ['bytes after the message', '80 80'],
    ['an ext8', '81 a1 61 c7 01 01 00'],
    ['a fixext (a record of msgpackr)', 'd4 72 40'],
    ['a timestamp ext', 'd6 ff 00000000'],
    ['the unused byte c1', 'c1'],
    ['a map key that is a number', '81 01 01'],
    ['a map key that is an array', '81 90 01'],
    ['a double cut short', 'cb 0000'],
  ])('with %s is malformed', (_name, hex) => {
    expect(outcome(msgpack, bytes(hex))).toBe('FRAME_MALFORMED')
  })

  it('of a million nested arrays is refused without recursion', () => {
    expect(outcome(msgpack, Buffer.alloc(1_000_000, 0x91))).toBe('FRAME_TOO_DEEP')
    expect(outcome(msgpack, Buffer.alloc(1_000_000, 0x91), 2_000_000)).toBe('FRAME_MALFORMED')
  })

  it('of more than a million empty maps is refused', () => {
    const payload = Buffer.alloc(1_200_005, 0x80)
    payload[0] = 0xdd
    payload.writeUInt32BE(1_200_000, 1)
    expect(outcome(msgpack, payload)).toBe('FRAME_MALFORMED')
  })
})

describe('a hostile JSON frame', () => {
  it.each(['', '{', '{"a":1}x', '[1,]', '"open', '\u{feff}{}', '{"a":"\\"}'])('%j is malformed', (text) => {
    expect(outcome(json, Buffer.from(text))).toBe('FRAME_MALFORMED')
  })

  it('of a million brackets is refused without recursion', () => {
    expect(outcome(json, Buffer.alloc(1_000_000, '['))).toBe('FRAME_TOO_DEEP')
    expect(outcome(json, Buffer.from(`[${'{},'.repeat(1_200_000)}{}]`))).toBe('FRAME_MALFORMED')
  })

  it('may hold any number of brackets in strings', () => {
    const text = '[[[[{{{{\\"[[[['.repeat(20)
    expect(json.decode(json.encode({ text }), { ...defaultLimits, depth: 1 })).toEqual({ text })
  })
})

it('writes bytes in JSON as $bytes, and an object that has this key in a wrapper', () => {
  const encoded = Buffer.from(json.encode({ a: new Uint8Array([1, 2]), b: { $bytes: 'AQI=' } })).toString()
  expect(encoded).toBe('{"a":{"$bytes":"AQI="},"b":{"$bytes":{"$bytes":"AQI="}}}')
  expect(json.decode(Buffer.from(encoded), defaultLimits)).toEqual({ a: new Uint8Array([1, 2]), b: { $bytes: 'AQI=' } })
})

it('reads 64-bit integers of other MessagePack writers as numbers', () => {
  expect(msgpack.decode(bytes('81 a1 61 cf 0000000000000005'), defaultLimits)).toEqual({ a: 5 })
})

it('writes the same bytes where memory is reused, until the next message', () => {
  const [reusing, keeping] = [createCodec('msgpack', { reusesMemory: true }), createCodec('msgpack')]
  for (const length of [0, 10, 20_000, 200_000, 5]) {
    const message = { type: 'stream-data', data: new Uint8Array(length).fill(length) }
    expect(Buffer.from(reusing.encode(message)).equals(keeping.encode(message))).toBe(true)
  }
  const first = reusing.encode({ type: 'a' })
  expect(reusing.encode({ type: 'b' }).buffer).toBe(first.buffer)
})
