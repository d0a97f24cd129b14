/**
 * What the engine needs of the language, taken at load: cells share `globalThis` with it and may overwrite anything.
 * Descriptors and options are made without a prototype, so that `Object.prototype.get = ...` does not reach them.
 */
export const NativePromise = Promise
export const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect
export const { hasOwn, is } = Object
export const { isArray } = Array
export const NativeTypeError = TypeError
export const NativeAbortController = AbortController
export const { asyncIterator, iterator } = Symbol

const stringIncludes = String.prototype.includes
const stringSlice = String.prototype.slice
const regexpExec = RegExp.prototype.exec
const promiseThen = Promise.prototype.then
const promiseResolve = Promise.resolve
const { species } = Symbol

/** `promise.then` of a native promise; never runs what users put in its place. */
export function thenOf<T, R>(
  promise: Promise<T>,
  onValue: (value: T) => R,
  onError: (error: unknown) => R,
): Promise<R> {
  // `then` looks up the constructor of the promise it returns; undefined stands for the original
  if (
    promise.constructor !== NativePromise ||
    (NativePromise as unknown as Record<symbol, unknown>)[species] !== NativePromise
  ) {
    defineProperty(promise, 'constructor', dataDescriptor(undefined))
  }
  return apply(promiseThen, promise, [onValue, onError]) as Promise<R>
}

/** What `await value` waits for. */
export function promiseOf(value: unknown): Promise<unknown> {
  return apply(promiseResolve, NativePromise, [value]) as Promise<unknown>
}

/** A configurable, writable, non-enumerable data property. */
export function dataDescriptor(value: unknown): PropertyDescriptor {
  return { __proto__: null, value, writable: true, enumerable: false, configurable: true } as PropertyDescriptor
}

/** A data property as an assignment would make it. */
export function listedDescriptor(value: unknown): PropertyDescriptor {
  return { __proto__: null, value, writable: true, enumerable: true, configurable: true } as PropertyDescriptor
}

// Node does the same inside: the methods stand on a prototype of their own, where users do not reach them
function copyMethods(from: object, to: object): void {
  for (const key of ownKeys(from)) {
    const descriptor = key === 'constructor' ? undefined : getOwnPropertyDescriptor(from, key)
    if (descriptor !== undefined) defineProperty(to, key, descriptor)
  }
}

const nextKey = (new Map<unknown, unknown>().keys() as Iterator<unknown>).next

/** A Map that keeps working when `Map.prototype` is overwritten. Iterate with `forEach`. */
export class SafeMap<K, V> extends Map<K, V> {
  static {
    copyMethods(Map.prototype, this.prototype)
  }

  /** Drops the entry that was set first. */
  deleteOldest(): void {
    const { done, value } = apply(nextKey, this.keys(), []) as IteratorResult<K>
    if (done !== true) this.delete(value)
  }
}

/** A Set that keeps working when `Set.prototype` is overwritten. Iterate with `forEach`. */
export class SafeSet<V> extends Set<V> {
  static {
    copyMethods(Set.prototype, this.prototype)
  }
}

/** At most `length` characters of the text. */
export function sliceText(text: string, length: number): string {
  return apply(stringSlice, text, [0, length]) as string
}

export function includesText(text: string, part: string): boolean {
  return apply(stringIncludes, text, [part]) as boolean
}

export function matchesPattern(pattern: RegExp, text: string): boolean {
  return apply(regexpExec, pattern, [text]) !== null
}
