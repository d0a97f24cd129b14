import { types } from 'node:util'

// Cells share the realm with this code and may replace any built-in, so everything used on their values is taken once, at load.
type Method<This, Args extends unknown[], Result> = (self: This, ...args: Args) => Result

function uncurry<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): Method<This, Args, Result> {
  return Function.prototype.call.bind(method) as Method<This, Args, Result>
}

function getter<This, Result>(holder: object, name: PropertyKey): Method<This, [], Result> {
  const get = Object.getOwnPropertyDescriptor(holder, name)?.get
  if (get === undefined) throw new TypeError(`no getter ${String(name)}`)
  return uncurry(get as (this: This) => Result)
}

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype)

export const {
  isAnyArrayBuffer,
  isBoxedPrimitive,
  isDataView,
  isDate,
  isMap,
  isRegExp,
  isSet,
  isSymbolObject,
  isTypedArray,
} = types
export const { isArray } = Array
export const toNumber = Number
export const { getOwnPropertyDescriptor: getOwnDescriptor, getPrototypeOf, hasOwn, keys: ownKeys } = Object
export const toText = String
export const objectPrototype = Object.prototype
export const errorPrototype = Error.prototype

export const allocate = Buffer.allocUnsafeSlow
export const makeBytes = Uint8Array
export const byteLengthOf = Buffer.byteLength
export const setBytes = uncurry(Uint8Array.prototype.set as (this: Uint8Array, from: Uint8Array, at: number) => void)
export const subarray = uncurry(Uint8Array.prototype.subarray)
export const sliceBytes = uncurry(Uint8Array.prototype.slice)
// what Buffer's `write` calls after looking at its arguments
type WriteText = (this: Buffer, text: string, at: number, length: number) => number
const { utf8Write, ucs2Write } = Buffer.prototype as unknown as Record<'utf8Write' | 'ucs2Write', WriteText>
export const writeUtf8 = uncurry(utf8Write)
export const writeUtf16 = uncurry(ucs2Write)
const encoder = new TextEncoder()
const encodeInto = uncurry(
  encoder.encodeInto as (this: typeof encoder, text: string, into: Uint8Array) => { read: number },
)
/** Writes as much of the text as fits in whole characters and tells how many units of it that was. */
export const writeFitting = (text: string, into: Uint8Array): number => encodeInto(encoder, text, into).read

export const charCodeAt = uncurry(String.prototype.charCodeAt)
export const isWellFormed = uncurry(String.prototype.isWellFormed)
export const sliceText = uncurry(String.prototype.slice)
export const bigIntText = uncurry(BigInt.prototype.toString)
export const symbolText = uncurry(Symbol.prototype.toString)
export const asInt64 = (value: bigint): bigint => bigIntAsIntN(64, value)
const bigIntAsIntN = BigInt.asIntN
export const dateTime = uncurry(Date.prototype.getTime)
export const regExpSource = getter<RegExp, string>(RegExp.prototype, 'source')
export const regExpFlags = getter<RegExp, string>(RegExp.prototype, 'flags')
const numberValue = uncurry(Number.prototype.valueOf)
const stringValue = uncurry(String.prototype.valueOf)
const booleanValue = uncurry(Boolean.prototype.valueOf)
const bigIntValue = uncurry(BigInt.prototype.valueOf as (this: unknown) => bigint)
const { isBooleanObject, isNumberObject, isStringObject } = types

/** The primitive in a Number, String, Boolean or BigInt object. */
export function unbox(value: object): unknown {
  if (isNumberObject(value)) return numberValue(value)
  if (isStringObject(value)) return stringValue(value)
  return isBooleanObject(value) ? booleanValue(value) : bigIntValue(value)
}

export const typedArrayName = getter<NodeJS.TypedArray, string>(typedArrayPrototype, Symbol.toStringTag)
export const typedArrayBuffer = getter<NodeJS.TypedArray, ArrayBufferLike>(typedArrayPrototype, 'buffer')
export const typedArrayOffset = getter<NodeJS.TypedArray, number>(typedArrayPrototype, 'byteOffset')
export const typedArrayBytes = getter<NodeJS.TypedArray, number>(typedArrayPrototype, 'byteLength')
export const dataViewBuffer = getter<DataView, ArrayBufferLike>(DataView.prototype, 'buffer')
export const dataViewOffset = getter<DataView, number>(DataView.prototype, 'byteOffset')
export const dataViewBytes = getter<DataView, number>(DataView.prototype, 'byteLength')

export const mapSize = getter<Map<unknown, unknown>, number>(Map.prototype, 'size')
export const mapEntries = uncurry(
  Map.prototype.entries as (this: Map<unknown, unknown>) => Iterator<[unknown, unknown]>,
)
export const nextEntry = uncurry(
  Object.getPrototypeOf(new Map().entries()).next as (
    this: Iterator<[unknown, unknown]>,
  ) => IteratorResult<[unknown, unknown]>,
)
export const setSize = getter<Set<unknown>, number>(Set.prototype, 'size')
export const setValues = uncurry(Set.prototype.values as (this: Set<unknown>) => Iterator<unknown>)
export const nextValue = uncurry(
  Object.getPrototypeOf(new Set().values()).next as (this: Iterator<unknown>) => IteratorResult<unknown>,
)

/** A Map whose methods no cell can replace. */
export class SafeMap<Key, Value> extends Map<Key, Value> {}
for (const name of ['get', 'set', 'has', 'size'] as const) {
  Object.defineProperty(SafeMap.prototype, name, Object.getOwnPropertyDescriptor(Map.prototype, name) ?? {})
}

/** The built-in error prototypes and the names under which they travel. */
export const errorBases = new SafeMap<object, string>()
for (const base of [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError]) {
  errorBases.set(base.prototype, base.name)
}
export const startsWith: (text: string, start: string) => boolean = uncurry(String.prototype.startsWith)
