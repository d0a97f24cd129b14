import { inspect } from 'node:util'
import { getPrototypeOf, hasOwn, ownKeys } from '../primordials.ts'
import type { Key } from './record-target.ts'

/** Above it, keys that are no indexes are looked for by `inspect`, which does so without a string for each index. */
const listedElements = 1024
const inspectKeys = { maxArrayLength: 0, customInspect: false, depth: 0, breakLength: Infinity } as const
const { getOwnPropertySymbols } = Object
/** Of these `inspect` runs no code of cells. */
const quietPrototypes = new Set<object | null>(
  [
    Array, Buffer, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    Float32Array, Float64Array, BigInt64Array, BigUint64Array,
  ].map((each) => each.prototype), // prettier-ignore
)

/** Own keys of an array or a typed array that are no index, nor `length`. */
export function extraKeys(value: object, length: number): Key[] {
  if (length > listedElements && hasNoExtras(value, length)) return []
  const keys = ownKeys(value) as Key[]
  // indexes come first
  if (keys.length === length + 1 && keys[length] === 'length') return []
  return keys.filter((key) => typeof key === 'symbol' || (key !== 'length' && !isIndex(key)))
}

function hasNoExtras(value: object, length: number): boolean {
  if (!quietPrototypes.has(getPrototypeOf(value)) || hasOwn(value, 'constructor')) return false
  if (getOwnPropertySymbols(value).length > 0) return false
  return inspect(value, inspectKeys).endsWith(`[ ... ${length} more items ]`)
}

function isIndex(key: string): boolean {
  return String(Number(key) >>> 0) === key && key !== '4294967295'
}
