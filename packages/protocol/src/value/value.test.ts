import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeValue, encodeValue } from '../index.ts'

const large = { bytes: 8 * 1024 * 1024, depth: 100 }

function encoded(value: unknown, budget = large): { bytes: Uint8Array; truncated: boolean } {
  const result = encodeValue(value, budget)
  if (result === undefined) throw new Error('the value did not survive')
  return result
}
const roundTrip = (value: unknown, budget = large): unknown => decodeValue(encoded(value, budget).bytes)
const hex = (value: unknown): string => Buffer.from(encoded(value).bytes).toString('hex')

function whole(value: unknown): unknown {
  const { bytes, truncated } = encoded(value)
  expect(truncated).toBe(false)
  return decodeValue(bytes)
}

describe('values that survive whole', () => {
  it.each([
    null,
    undefined,
    true,
    '',
    'text',
    'é 😀 \0',
    'x'.repeat(100_000),
    'é'.repeat(70_000),
    0,
    -0,
    1.5,
    127,
    128,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    -32,
    -33,
    -(2 ** 31),
    -(2 ** 31) - 1,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_VALUE,
    Number.NaN,
    Infinity,
    -Infinity,
    0n,
    -5n,
    2n ** 63n - 1n,
    2n ** 63n,
    -(2n ** 63n) - 1n,
    -(16n ** 500n),
    [],
    {},
    [[], {}],
    [undefined, { a: undefined }],
    new Date(5),
    /a(b)?/giu,
    new Map<unknown, unknown>([
      [{ key: 1 }, new Set([1, 'a', new Set()])],
      [Number.NaN, undefined],
    ]),
    new Uint8Array([1, 2, 3]),
    new Float64Array([1.5, -0, Number.NaN]),
    new BigInt64Array([-1n]),
    new Float16Array([1.5]),
    new Uint8ClampedArray([255]),
    new Uint8Array(100_000).fill(7),
    { $: 'ref', v: 0 },
    { $: { $: 'undefined' } },
    { v: 1, $: 1 },
  ])('%o', (value) => {
    expect(whole(value)).toStrictEqual(value)
  })

  it('invalid dates', () => {
    expect(Number.isNaN((whole(new Date(Number.NaN)) as Date).getTime())).toBe(true)
  })

  it('buffers and views, with nothing of the memory around them', () => {
    const { buffer } = new Uint8Array([1, 2, 3, 4])
    expect(whole(buffer)).toStrictEqual(buffer)
    const view = whole(new DataView(buffer, 1, 2)) as DataView
    expect([view.byteLength, view.getUint8(0), view.buffer.byteLength]).toEqual([2, 2, 2])
    expect(whole(new Uint16Array(buffer, 2, 1))).toStrictEqual(new Uint16Array([0x0403]))
    expect(whole(Buffer.from('hi'))).toStrictEqual(new Uint8Array([104, 105]))
  })

  it('lone surrogates, also in property names', () => {
    expect(whole({ 'a\ud800': 'b\udfff', long: `${'x'.repeat(50)}\ud800` })).toStrictEqual({
      'a\ud800': 'b\udfff',
      long: `${'x'.repeat(50)}\ud800`,
    })
  })

  it('holes, without walking or allocating the length', () => {
    // oxlint-disable-next-line no-sparse-arrays
    const small = whole([1, , 3]) as unknown[]
    expect([small.length, 1 in small, small[2]]).toEqual([3, false, 3])
    const huge: unknown[] = []
    huge[4_000_000_000] = 'far'
    const copy = whole(huge) as unknown[]
    expect([copy.length, Object.keys(copy)]).toEqual([4_000_000_001, ['4000000000']])
  })

  it('cycles and shared references, with their identity', () => {
    const shared = { a: 1 }
    const value: Record<string, unknown> = {
      one: shared,
      two: [shared],
      map: new Map([[shared, shared]]),
      date: new Date(0),
    }
    value['self'] = value
    value['sameDate'] = value['date']
    const copy = whole(value) as typeof value & { two: unknown[]; map: Map<unknown, unknown> }
    expect(copy['self']).toBe(copy)
    expect(copy.two[0]).toBe(copy['one'])
    expect(copy.map.get(copy['one'])).toBe(copy['one'])
    expect(copy['sameDate']).toBe(copy['date'])
  })

  it('errors with all that belongs to them', () => {
    const cause: Record<string, unknown> = { why: true }
    const error = Object.assign(new RangeError('no', { cause }), { code: 'E_NO', extra: [1] })
    cause['error'] = error
    const copy = whole(error) as RangeError & { code: string; extra: number[]; cause: { error: unknown } }
    expect(copy).toBeInstanceOf(RangeError)
    expect(copy).toMatchObject({ name: 'RangeError', message: 'no', code: 'E_NO', extra: [1], stack: error.stack })
    expect(copy.cause.error).toBe(copy)
    expect(Object.keys(copy)).toEqual(['code', 'extra'])
  })

  it('error subclasses by name, and aggregates', () => {
    class CustomError extends TypeError {
      override readonly name = 'CustomError'
    }
    const copy = whole(new AggregateError([new CustomError('a'), 5], 'many')) as AggregateError
    expect(copy).toBeInstanceOf(AggregateError)
    expect(copy.errors[0]).toBeInstanceOf(TypeError)
    expect(copy.errors[0]).toMatchObject({ name: 'CustomError', message: 'a' })
    expect(copy.errors[1]).toBe(5)
    expect(whole(new DOMException('gone', 'AbortError'))).toMatchObject({ name: 'AbortError', message: 'gone' })
  })

  it('class instances and null-prototype objects as plain objects, boxed primitives unboxed', () => {
    class Point {
      readonly x = 1
      readonly #y = 2
      get y(): number {
        return this.#y
      }
    }
    expect(whole([new Point(), Object.assign(Object.create(null), { a: 1 })])).toStrictEqual([{ x: 1 }, { a: 1 }])
    expect(whole([Object(5), Object('a'), Object(true), Object(5n)])).toStrictEqual([5, 'a', true, 5n])
  })

  it('objects of other realms', () => {
    expect(
      whole(runInNewContext('({ list: [1, new Map([[1, new Set([2])]]), new Uint8Array(2), /x/y] })')),
    ).toStrictEqual({
      list: [1, new Map([[1, new Set([2])]]), new Uint8Array(2), /x/y],
    })
  })

  it('a __proto__ property, as a property', () => {
    const copy = whole(JSON.parse('{"__proto__":{"polluted":true}}')) as object
    expect(Object.keys(copy)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  })

  it('anything that fast-check makes', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
      key: fc.oneof(fc.string(), fc.constantFrom('$', 'v', '__proto__', 'constructor')),
    })
    fc.assert(
      fc.property(anything, (value) => {
        expect(whole(value)).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('values that do not survive', () => {
  it.each([
    ['a function', () => {}],
    ['a symbol', Symbol('x')],
    ['a promise', Promise.resolve()],
    ['a WeakMap', new WeakMap()],
    ['an instance without visible state', new URL('http://localhost')],
    ['a generator', (function* () {})()],
    ['a boxed symbol', Object(Symbol('x'))],
  ])('%s is absent', (_name, value) => {
    expect(encodeValue(value, large)).toBeUndefined()
  })

  it('become text inside other data', () => {
    const value = {
      named: function named() {},
      arrow: [() => {}],
      symbol: Symbol('s'),
      promise: Promise.resolve(),
      weak: new WeakSet(),
    }
    const { bytes, truncated } = encoded(value)
    expect(truncated).toBe(true)
    expect(decodeValue(bytes)).toEqual({
      named: '[Function: named]',
      arrow: ['[Function (anonymous)]'],
      symbol: 'Symbol(s)',
      promise: '[Promise]',
      weak: '[WeakSet]',
    })
  })

  it('getters run; what they throw becomes text', () => {
    const value = {
      get fine() {
        return 1
      },
      get broken(): never {
        throw new Error('boom')
      },
      get rude(): never {
        // oxlint-disable-next-line no-throw-literal
        throw { toString: () => 'never called' }
      },
      after: 2,
    }
    expect(roundTrip(value)).toMatchObject({ fine: 1, broken: '[Threw: boom]', after: 2 })
    expect(encoded(value).truncated).toBe(true)
  })

  it('proxies are read through their traps; what those throw becomes text', () => {
    const throwing = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys')
        },
      },
    )
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const value = [new Proxy({ a: 1 }, {}), new Proxy([1, 2], {}), throwing, revoked.proxy, 'after']
    expect(roundTrip(value)).toMatchObject([
      { a: 1 },
      [1, 2],
      '[Threw: no keys]',
      expect.stringContaining('Threw'),
      'after',
    ])
    expect(encodeValue(revoked.proxy, large)).toBeUndefined()
  })

  it('a proxy that never ends is cut', () => {
    const endless: object = new Proxy(
      {},
      {
        get: () => endlessChild(),
        ownKeys: () => ['a', 'b'],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
      },
    )
    function endlessChild(): object {
      return new Proxy(
        {},
        {
          get: () => endlessChild(),
          ownKeys: () => ['a', 'b'],
          getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
        },
      )
    }
    const { bytes, truncated } = encoded(endless, { bytes: 10_000, depth: 50 })
    expect(truncated).toBe(true)
    expect(bytes.length).toBeLessThanOrEqual(10_000)
  })
})

describe('the budget', () => {
  it('says what was cut from arrays, objects, maps, sets and texts', () => {
    const budget = { bytes: 400, depth: 10 }
    const numbers = Array.from({ length: 1000 }, (_, index) => index)
    expect((roundTrip(numbers, budget) as unknown[]).at(-1)).toMatch(/^… \d+ more items$/)
    expect(
      Object.entries(roundTrip(Object.fromEntries(numbers.map((n) => [`k${n}`, n])), budget) as object).at(-1),
    ).toEqual(['…', expect.stringMatching(/^\d+ more properties$/)])
    expect([...(roundTrip(new Map(numbers.map((n) => [n, n])), budget) as Map<unknown, unknown>)].at(-1)).toEqual([
      '…',
      expect.stringMatching(/^… \d+ more items$/),
    ])
    expect([...(roundTrip(new Set(numbers), budget) as Set<unknown>)].at(-1)).toMatch(/^… \d+ more items$/)
    expect(roundTrip('é'.repeat(1000), budget)).toMatch(/^é+… \d+ more characters$/)
  })

  it('counts what it cuts exactly', () => {
    const copy = roundTrip(
      Array.from({ length: 1000 }, () => 7),
      { bytes: 400, depth: 10 },
    ) as unknown[]
    expect(copy.at(-1)).toBe(`… ${1000 - (copy.length - 1)} more items`)
  })

  it('replaces what is nested too deeply', () => {
    expect(roundTrip([[[['deep']]], { a: { b: new Map([[1, 2]]) } }], { bytes: 10_000, depth: 3 })).toEqual([
      [['[Array(1)]']],
      { a: { b: '[Map(1)]' } },
    ])
    let deep: unknown = 'end'
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(encoded(deep).truncated).toBe(true)
    expect(encoded(deep, { bytes: 1e6, depth: 1e6 }).truncated).toBe(true)
    roundTrip(deep, { bytes: 1e6, depth: 1e6 })
  })

  it('holds for any value and any size, and what is left can be read', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      maxDepth: 5,
    })
    fc.assert(
      fc.property(anything, fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 5 }), (value, bytes, depth) => {
        const result = encodeValue([value, value, { value }], { bytes, depth })
        expect(result?.bytes.length ?? 0).toBeLessThanOrEqual(bytes)
        if (result !== undefined) decodeValue(result.bytes, { depth })
      }),
      { numRuns: 3000 },
    )
  })

  it('keeps references right when an entry had no room', () => {
    const shared = { s: 1 }
    const objects: unknown[] = []
    for (let bytes = 100; bytes < 700; bytes++) {
      const value = [new Map([[{ key: 'k'.repeat(100) }, 'v'.repeat(300)]]), shared, shared, 'x'.repeat(200), shared]
      const result = encodeValue(value, { bytes, depth: 10 })
      const copy = result && decodeValue(result.bytes)
      if (Array.isArray(copy)) objects.push(...copy.slice(1).filter((item) => typeof item === 'object'))
    }
    expect(objects.length).toBeGreaterThan(100)
    expect(new Set(objects.map((item) => JSON.stringify(item)))).toEqual(new Set([JSON.stringify(shared)]))
  })

  it('is 1000000 objects at most', () => {
    const { bytes, truncated } = encoded(Array.from({ length: 1_000_010 }, () => []))
    expect(truncated).toBe(true)
    expect((decodeValue(bytes) as unknown[]).length).toBeLessThanOrEqual(1_000_010)
  })
})

it('works when cells have replaced the built-ins it could use', () => {
  const value = {
    list: [1, 'two', new Map([[1, new Set([2])]])],
    error: new TypeError('x'),
    big: 2n ** 70n,
    long: 'é'.repeat(100),
  }
  const expected = hex(value)
  const targets: [object, string][] = [
    [Array.prototype, 'push'],
    [JSON, 'stringify'],
    [Map.prototype, 'get'],
    [Map.prototype, 'set'],
    [Map.prototype, 'entries'],
    [Set.prototype, 'values'],
    [Object, 'keys'],
    [Object, 'getPrototypeOf'],
    [String.prototype, 'charCodeAt'],
    [Buffer.prototype, 'write'],
    [Buffer, 'byteLength'],
    [BigInt.prototype, 'toString'],
    [Array, 'isArray'],
  ]
  const saved = targets.map(([holder, name]) => Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor)
  let bytes: Uint8Array | undefined
  for (const [holder, name] of targets) {
    Reflect.defineProperty(holder, name, {
      configurable: true,
      writable: true,
      value: () => {
        throw new Error('replaced')
      },
    })
  }
  try {
    bytes = encodeValue(value, large)?.bytes
  } finally {
    for (const [index, [holder, name]] of targets.entries())
      Reflect.defineProperty(holder, name, saved[index] as PropertyDescriptor)
  }
  expect(Buffer.from(bytes ?? []).toString('hex')).toBe(expected)
})

describe('hostile bytes', () => {
  const outcome = (bytes: Uint8Array): string => {
    try {
      decodeValue(bytes)
      return 'decoded'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const pack = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
  const special = (tag: string, content: string): Buffer =>
    Buffer.concat([pack('82 a1 24'), Buffer.from([0xa0 | tag.length]), Buffer.from(tag), pack(`a1 76 ${content}`)])

  it('give a value or VALUE_MALFORMED, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['decoded', 'VALUE_MALFORMED']).toContain(outcome(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  it('give a value or VALUE_MALFORMED when a good value was damaged', () => {
    const good = encoded({
      m: new Map([[1, new Set([2])]]),
      e: new Error('x'),
      s: Object.assign([], { 8: 1 }),
      r: /a/g,
      b: 2n ** 70n,
      d: new Date(1),
      f: new Float32Array(2),
      u: undefined,
    }).bytes
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Buffer.from(good)
        bytes[at] = byte
        expect(['decoded', 'VALUE_MALFORMED']).toContain(outcome(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ['an array that claims 4e9 items', pack('dd ee6b2800')],
    ['a map that claims 4e9 entries', pack('df ee6b2800')],
    ['bytes that claim 4 GB', pack('c6 ffffffff')],
    ['text that claims 4 GB', pack('db ffffffff')],
    ['bytes after the value', pack('01 01')],
    ['nothing', pack('')],
    ['an ext type', pack('d4 01 01')],
    ['an unknown special', special('Function', 'a3 312b31')],
    ['a constructor by name', special('constructor', 'c0')],
    ['an error with an unknown base', special('error', '95 a8 46756e6374696f6e a0 a0 a0 80')],
    ['a reference to nothing', special('ref', '05')],
    ['a negative reference', special('ref', 'ff')],
    ['an invalid regular expression', special('regexp', '92 a1 28 a0')],
    ['an invalid integer', special('bigint', 'a1 78')],
    ['half an element', special('Int32Array', 'c4 03 010203')],
    ['a sparse array with a length of 2^32', special('sparse', '92 cb 41f0000000000000 90')],
    ['a map with a key and no value', special('map', '91 01')],
    ['deep nesting', Buffer.alloc(100_000, 0x91)],
    [
      'special values in special values',
      Buffer.concat(Array.from({ length: 50_000 }, () => pack('82 a1 24 a3 726566 a1 76'))),
    ],
    ['deep maps', Buffer.concat(Array.from({ length: 50_000 }, () => pack('81 a1 61')))],
    ['too many objects', Buffer.concat([pack('dd 0010c8e0'), Buffer.alloc(1_100_000, 0x80)])],
  ])('with %s are malformed', (_name, bytes) => {
    expect(outcome(bytes)).toBe('VALUE_MALFORMED')
  })

  it('cannot allocate by claiming a long sparse array', () => {
    const one = special('sparse', '92 ce 01ffffff 90')
    const bytes = Buffer.concat([pack('dc 03e8'), ...Array.from({ length: 1000 }, () => one)])
    const before = process.memoryUsage().rss
    expect((decodeValue(bytes) as unknown[]).length).toBe(1000)
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 1024 * 1024)
  })

  it('respect a smaller depth', () => {
    expect(() => decodeValue(encoded([[[[[[]]]]]]).bytes, { depth: 2 })).toThrow(
      expect.objectContaining({ code: 'VALUE_MALFORMED' }),
    )
  })
})

it('copies a small byte array out of its message and shares a large one', () => {
  const small = encoded([new Uint8Array([1, 2]), 'x'.repeat(5000)]).bytes
  expect(((decodeValue(small) as unknown[])[0] as Uint8Array).buffer.byteLength).toBe(2)
  const bytes = encoded(new Uint8Array(100_000)).bytes
  expect((decodeValue(bytes) as Uint8Array).buffer).toBe(bytes.buffer)
})

it('keeps its bytes', () => {
  expect(hex([1, 'a', null, 1.5, -1, 300])).toBe('9601a161c0cb3ff8000000000000ffcd012c')
  expect(hex({ a: undefined })).toBe('81a16181a124a9756e646566696e6564')
  expect(hex(new Map([[1, 2]]))).toBe('82a124a36d6170a176920102')
})
