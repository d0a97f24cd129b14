import { types } from 'node:util'

// What reads the insides of objects, taken at load: cells may replace it, and subclasses may override it.
const { call } = Function.prototype
const { getOwnPropertyDescriptor: describeOwn } = Reflect

/** The method as a function of its `this`, whatever cells put in its place later. */
export function uncurry<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): (self: This, ...args: Args) => Result {
  return call.bind(method) as (self: This, ...args: Args) => Result
}

function getter<This, Result>(holder: object, name: PropertyKey): (self: This) => Result {
  return uncurry(Reflect.getOwnPropertyDescriptor(holder, name)?.get as (this: This) => Result)
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object

export const {
  isAnyArrayBuffer,
  isArgumentsObject,
  isAsyncFunction,
  isBoxedPrimitive,
  isDataView,
  isDate,
  isExternal,
  isGeneratorFunction,
  isGeneratorObject,
  isMap,
  isMapIterator,
  isModuleNamespaceObject,
  isNativeError,
  isPromise,
  isProxy,
  isRegExp,
  isSet,
  isSetIterator,
  isSharedArrayBuffer,
  isTypedArray,
  isWeakMap,
  isWeakSet,
} = types
export const { isExtensible, isFrozen, isSealed, freeze, seal, preventExtensions } = Object
export const { keyFor } = Symbol
/** `Symbol.iterator` and the like, by name. */
export const wellKnownSymbols: ReadonlyMap<string, symbol> = new Map(
  Reflect.ownKeys(Symbol).flatMap((name) => {
    const value: unknown = Reflect.getOwnPropertyDescriptor(Symbol, name)?.value
    return typeof value === 'symbol' && typeof name === 'string' ? [[name, value] as const] : []
  }),
)
export const functionText = uncurry(Function.prototype.toString)
export const forEachOfMap = uncurry(Map.prototype.forEach) as (
  map: Map<unknown, unknown>,
  visit: (value: unknown, key: unknown) => void,
) => void
export const forEachOfSet = uncurry(Set.prototype.forEach) as (
  set: Set<unknown>,
  visit: (value: unknown) => void,
) => void
export const mapSize = getter<Map<unknown, unknown>, number>(Map.prototype, 'size')
export const setSize = getter<Set<unknown>, number>(Set.prototype, 'size')
export const setEntry = uncurry(Map.prototype.set) as (
  map: Map<unknown, unknown>,
  key: unknown,
  value: unknown,
) => unknown
export const addItem = uncurry(Set.prototype.add) as (set: Set<unknown>, value: unknown) => unknown
export const clearMap = uncurry(Map.prototype.clear) as (map: Map<unknown, unknown>) => void
export const clearSet = uncurry(Set.prototype.clear) as (set: Set<unknown>) => void
export const dateTime = uncurry(Date.prototype.getTime)
export const setDateTime = uncurry(Date.prototype.setTime)
export const regExpSource = getter<RegExp, string>(RegExp.prototype, 'source')
const regExpFlagGetters = (
  [
    ['d', 'hasIndices'],
    ['g', 'global'],
    ['i', 'ignoreCase'],
    ['m', 'multiline'],
    ['s', 'dotAll'],
    ['u', 'unicode'],
    ['v', 'unicodeSets'],
    ['y', 'sticky'],
  ] as const
).map(([flag, name]) => [flag, getter<RegExp, boolean>(RegExp.prototype, name)] as const)

/** `RegExp.prototype.flags` would ask properties that subclasses may override. */
export function regExpFlags(value: RegExp): string {
  let flags = ''
  for (const [flag, isSet] of regExpFlagGetters) if (isSet(value)) flags += flag
  return flags
}

export const compileRegExp = uncurry(
  (RegExp.prototype as unknown as { compile(source: string, flags: string): RegExp }).compile,
) as (value: RegExp, source: string, flags: string) => RegExp
export const bufferBytes = getter<ArrayBuffer, number>(ArrayBuffer.prototype, 'byteLength')
export const bufferLimit = getter<ArrayBuffer, number>(ArrayBuffer.prototype, 'maxByteLength')
export const isDetached = getter<ArrayBuffer, boolean>(ArrayBuffer.prototype, 'detached')
export const isResizable = getter<ArrayBuffer, boolean>(ArrayBuffer.prototype, 'resizable')
export const resize = uncurry(ArrayBuffer.prototype.resize)
export const typedArrayName = getter<object, string>(typedArray, Symbol.toStringTag)
export const typedArrayBuffer = getter<object, ArrayBufferLike>(typedArray, 'buffer')
export const typedArrayOffset = getter<object, number>(typedArray, 'byteOffset')
export const typedArrayLength = getter<object, number>(typedArray, 'length')
export const typedArrayBytes = getter<object, number>(typedArray, 'byteLength')
export const dataViewBuffer = getter<object, ArrayBufferLike>(DataView.prototype, 'buffer')
export const dataViewOffset = getter<object, number>(DataView.prototype, 'byteOffset')
export const dataViewBytes = getter<object, number>(DataView.prototype, 'byteLength')
export const urlText = getter<URL, string>(URL.prototype, 'href')
export const symbolDescription = getter<symbol, string | undefined>(Symbol.prototype, 'description')

const valueOf = {
  number: uncurry(Number.prototype.valueOf),
  string: uncurry(String.prototype.valueOf),
  boolean: uncurry(Boolean.prototype.valueOf),
  bigint: uncurry(BigInt.prototype.valueOf as (this: unknown) => bigint),
  symbol: uncurry(Symbol.prototype.valueOf as (this: unknown) => symbol),
}
const { isBooleanObject, isNumberObject, isStringObject, isSymbolObject } = types

/** The primitive in a boxed one. */
export function unbox(value: object): unknown {
  if (isNumberObject(value)) return valueOf.number(value)
  if (isStringObject(value)) return valueOf.string(value)
  if (isBooleanObject(value)) return valueOf.boolean(value)
  return isSymbolObject(value) ? valueOf.symbol(value) : valueOf.bigint(value)
}

/** Whether the object has insides that no property shows. Slow; for objects that look like plain ones. */
export function hasSlots(value: object): boolean {
  return (
    isMap(value) ||
    isSet(value) ||
    isDate(value) ||
    isRegExp(value) ||
    isNativeError(value) ||
    isAnyArrayBuffer(value) ||
    isTypedArray(value) ||
    isDataView(value) ||
    isBoxedPrimitive(value)
  )
}

/** The value of an own data property; getters do not run. */
export function ownValue(holder: object, key: PropertyKey): unknown {
  return describeOwn(holder, key)?.value
}
