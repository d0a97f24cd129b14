import { Buffer } from 'node:buffer'
import { types } from 'node:util'

/** Taken at load: on the worker's main thread cells share `globalThis` with this code and may replace anything. */
const { apply, defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect
export const { floor, max, min } = Math
export const { isSafeInteger } = Number
export const { isUint8Array: isBytes } = types
export const toNumber = Number
export const NativePromise = Promise
const NativeUint8Array = Uint8Array
const allocate = Buffer.allocUnsafeSlow
const bytesSet = Uint8Array.prototype.set
const textSlice = String.prototype.slice
const { addEventListener, removeEventListener } = EventTarget.prototype

/** A Map whose methods no cell can replace. Iterate with `forEach`. */
export class SafeMap<Key, Value> extends Map<Key, Value> {
  static {
    for (const key of ownKeys(Map.prototype)) {
      if (key !== 'constructor') defineProperty(this.prototype, key, getOwnPropertyDescriptor(Map.prototype, key) ?? {})
    }
  }
}

/** A part of some bytes in memory of its own. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  // not from the pool, and not filled with zeros first
  const copy = allocate(end - start)
  apply(bytesSet, copy, [viewOf(bytes, start, end)])
  return copy
}

/** A part of some bytes in the same memory. */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (start === 0 && end === bytes.length) return bytes
  return new NativeUint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

export const textFrom = (text: string, start: number): string => apply(textSlice, text, [start]) as string
export const upTo = (text: string, end: number): string => apply(textSlice, text, [0, end]) as string
export const listen = (signal: AbortSignal, listener: () => void): void =>
  apply(addEventListener, signal, ['abort', listener])
export const unlisten = (signal: AbortSignal, listener: () => void): void =>
  apply(removeEventListener, signal, ['abort', listener])
