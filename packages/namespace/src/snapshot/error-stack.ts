import { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } from '../primordials.ts'
import { isNativeError } from './natives.ts'
import type { Problem } from './unportable.ts'

const NativeError = Error
// each error has these two as accessors of its own; V8 makes the text when it is first asked for
const native = getOwnPropertyDescriptor(new NativeError(), 'stack') as PropertyDescriptor

/** Whether the property is the stack as V8 keeps it, not one that a cell has put there. */
export function isNativeStack(property: PropertyDescriptor | undefined): boolean {
  if (property === undefined) return false
  return native.get === undefined ? property.writable !== undefined : property.get === native.get
}

/** The text of the stack as V8 keeps it, if there is one. Runs no code of cells. */
export function errorStack(error: object): string | undefined | Problem {
  const property = getOwnPropertyDescriptor(error, 'stack')
  if (!isNativeStack(property)) return undefined
  if (!isQuiet(error, 'name') || !isQuiet(error, 'message')) {
    return { reason: 'native-object', detail: 'an error whose name or message is computed' }
  }
  const stack =
    native.get === undefined ? property?.value : withoutHook(() => apply(native.get as () => void, error, []))
  if (stack === undefined || typeof stack === 'string') return stack
  return { reason: 'native-object', detail: 'an error whose stack is no text' }
}

/** Of a native error. */
export function setErrorStack(error: object, stack: string): void {
  if (native.set !== undefined && isNativeError(error)) apply(native.set, error, [stack])
  else defineProperty(error, 'stack', { __proto__: null, value: stack } as PropertyDescriptor)
}

/** V8 reads both for the first line of the text. */
function isQuiet(error: object, key: string): boolean {
  for (let link: object | null = error; link !== null; link = getPrototypeOf(link)) {
    const property = getOwnPropertyDescriptor(link, key)
    if (property === undefined) continue
    const { writable, value } = property
    return writable !== undefined && (typeof value === 'string' || value === undefined)
  }
  return true
}

/** `Error.prepareStackTrace` of cells would run. */
function withoutHook(read: () => unknown): unknown {
  const key = 'prepareStackTrace'
  const hook = getOwnPropertyDescriptor(NativeError, key)
  if (hook === undefined || (hook.writable !== undefined && hook.value === undefined)) return read()
  const quiet = { __proto__: null, value: undefined, writable: true, enumerable: false, configurable: true }
  if (hook.configurable !== true || !defineProperty(NativeError, key, quiet as PropertyDescriptor)) return {}
  try {
    return read()
  } finally {
    defineProperty(NativeError, key, { __proto__: null, ...hook } as PropertyDescriptor)
  }
}
