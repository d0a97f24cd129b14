/** A value that a cell could send, and how to name it in a message. */
export interface HostileValue {
  readonly label: string
  readonly value: unknown
}

const hugeText = 'x'.repeat(1_000_000)

export const hostileTexts: readonly HostileValue[] = [
  { label: 'an empty string', value: '' },
  { label: 'a space', value: ' ' },
  { label: 'a NUL', value: '\0' },
  { label: 'a text with a NUL within', value: 'a\0b' },
  { label: 'a line break', value: 'a\r\nb: c' },
  { label: 'a text that turns right to left', value: 'a\u{202e}b' },
  { label: 'half a surrogate pair', value: '\ud800' },
  { label: 'a way out of a directory', value: '../../../../etc/passwd' },
  { label: 'an absolute path', value: '/etc/passwd' },
  { label: 'an option', value: '--help' },
  { label: 'the name of a prototype', value: '__proto__' },
  { label: 'the name of a method', value: 'constructor' },
  { label: 'a URL of a file', value: 'file:///etc/passwd' },
  { label: 'a URL without a host', value: 'http://' },
  { label: 'percent signs', value: '%00%2e%2e%2f%' },
  { label: 'a long text', value: 'a/'.repeat(5000) },
  { label: 'a huge text', value: hugeText },
]

export const hostileNumbers: readonly HostileValue[] = [
  0,
  -0,
  -1,
  0.5,
  Number.NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 53,
  1e308,
].map((value) => ({ label: String(value), value }))

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 'core'
  for (let level = 0; level < levels; level++) value = wrap(value)
  return value
}

function cyclic(): object {
  const value: Record<string, unknown> = {}
  value['self'] = [value]
  return value
}

function smallValues(): HostileValue[] {
  return [
    { label: 'undefined', value: undefined },
    { label: 'null', value: null },
    { label: 'true', value: true },
    { label: 'a bigint', value: 10n ** 30n },
    { label: 'an empty array', value: [] },
    { label: 'an array', value: ['a', { b: 1 }] },
  ]
}

/** All that is no text and no number. Made anew for each use: whoever gets them may change them. */
export function hostileObjects(): HostileValue[] {
  return [
    ...smallValues(),
    { label: 'a sparse array', value: Array.from({ length: 3 }) },
    { label: 'a long array', value: Array.from({ length: 100_000 }, () => 1) },
    {
      label: 'an object with many fields',
      value: Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n])),
    },
    { label: 'an object without a prototype', value: Object.create(null) },
    { label: 'an own __proto__', value: JSON.parse('{"__proto__":{"polluted":true}}') },
    { label: 'an own constructor', value: { constructor: { prototype: { polluted: true } } } },
    { label: 'own toString and toJSON', value: { toString: 'a', toJSON: 'b', valueOf: 1 } },
    { label: 'a thenable that is none', value: JSON.parse('{"then":"a"}') },
    { label: 'a length that is none', value: { length: 1e9 } },
    { label: 'deep arrays', value: nested(20_000, (inner) => [inner]) },
    { label: 'deep objects', value: nested(20_000, (a) => ({ a })) },
    { label: 'an object that holds itself', value: cyclic() },
    { label: 'a Map', value: new Map([[{}, new Set([1])]]) },
    { label: 'a date that is none', value: new Date(Number.NaN) },
    { label: 'a regular expression', value: /(a+)+$/ },
    { label: 'an error', value: new TypeError('hostile', { cause: 1 }) },
    { label: 'bytes', value: new Uint8Array(100) },
    { label: 'numbers of 8 bytes', value: new Float64Array(3) },
    { label: 'a view of bytes', value: new DataView(new ArrayBuffer(8)) },
  ]
}

export const hostileValues = (): HostileValue[] => [...hostileObjects(), ...hostileTexts, ...hostileNumbers]

/** Nested junk, the same for the same seed. */
export function randomJunk(seed: number, keys: readonly string[]): unknown {
  const random = seeded(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const leaves = [...smallValues(), ...hostileTexts.slice(0, -2), ...hostileNumbers]
  const junk = (levels: number): unknown => {
    const size = Math.floor(random() * 4)
    const choice = levels === 0 ? 1 : random()
    if (choice < 0.4) return Object.fromEntries(Array.from({ length: size }, () => [pick(keys), junk(levels - 1)]))
    if (choice < 0.6) return Array.from({ length: size }, () => junk(levels - 1))
    return pick(leaves).value
  }
  return Object.fromEntries(keys.filter(() => random() < 0.7).map((key) => [key, junk(3)]))
}

/** mulberry32: a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
