import {
  getOwnDescriptor,
  getPrototypeOf,
  isArray,
  isMap,
  isSet,
  mapSize,
  setSize,
  sliceText,
  toText,
} from './primordials.ts'

const longestName = 60

/** What stands for an object that was cut or cannot travel: `[Array(3)]`, `[Map(2)]`, `[Socket]`. Runs no code of the object, proxies aside. */
export function describeObject(value: object): string {
  try {
    if (isArray(value)) return `[Array(${value.length})]`
    if (isMap(value)) return `[Map(${mapSize(value)})]`
    if (isSet(value)) return `[Set(${setSize(value)})]`
    return `[${className(value) ?? 'Object'}]`
  } catch {
    return '[Object]'
  }
}

export function describeFunction(value: Function): string {
  try {
    const name: unknown = getOwnDescriptor(value, 'name')?.value
    return typeof name === 'string' && name !== '' ? `[Function: ${bounded(name)}]` : '[Function (anonymous)]'
  } catch {
    return '[Function]'
  }
}

/** Stands for a property whose getter threw. */
export function describeThrown(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return `[Threw: ${bounded(toText(error))}]`
    const message: unknown = getOwnDescriptor(error, 'message')?.value
    return typeof message === 'string' ? `[Threw: ${bounded(message)}]` : '[Threw]'
  } catch {
    return '[Threw]'
  }
}

function className(value: object): string | undefined {
  const prototype: unknown = getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null) return undefined
  const constructor: unknown = getOwnDescriptor(prototype, 'constructor')?.value
  if (typeof constructor !== 'function') return undefined
  const name: unknown = getOwnDescriptor(constructor, 'name')?.value
  return typeof name === 'string' && name !== '' ? bounded(name) : undefined
}

const bounded = (text: string): string => (text.length > longestName ? `${sliceText(text, 0, longestName)}…` : text)
