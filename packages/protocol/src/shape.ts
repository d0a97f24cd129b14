import { protocolErrors } from './errors.ts'

// taken at load: in a worker, cells share `globalThis` with it
const NativeUint8Array = Uint8Array
const { isFinite, isSafeInteger } = Number
const { isArray } = Array
const { entries: entriesOf, hasOwn, keys: keysOf } = Object

/** Returns the value when it is what it should be, and throws otherwise. A few of these do in the worker what zod does in the host. */
export type Read<T> = (value: unknown, path: string) => T

const refuse = (path: string, expected: string): Error =>
  protocolErrors.INVALID_MESSAGE({
    type: 'host message',
    path: path === '' ? 'the message' : path,
    problem: `expected ${expected}`,
  })

export const text: Read<string> = (value, path) => {
  if (typeof value !== 'string') throw refuse(path, 'a string')
  return value
}

/** Text of bounded length. */
export function textOf(least: number, most: number): Read<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length < least || value.length > most)
      throw refuse(path, `a string of ${least} to ${most} characters`)
    return value
  }
}

export const bytes: Read<Uint8Array> = (value, path) => {
  if (!(value instanceof NativeUint8Array)) throw refuse(path, 'bytes')
  return value
}

export const flag: Read<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw refuse(path, 'a boolean')
  return value
}

export const yes: Read<true> = (value, path) => {
  if (value !== true) throw refuse(path, 'true')
  return value
}

export const count: Read<number> = (value, path) => {
  if (!isSafeInteger(value) || (value as number) < 0) throw refuse(path, 'a non-negative integer')
  return value as number
}

export const durationMs: Read<number> = (value, path) => {
  if (typeof value !== 'number' || !isFinite(value) || value < 0) throw refuse(path, 'a non-negative number')
  return value
}

const idPattern = /^[A-Za-z0-9_-]{1,128}$/

export function matching(pattern: RegExp, what: string): Read<string> {
  return (value, path) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw refuse(path, what)
    return value
  }
}

export const id = matching(idPattern, 'an id')

export function oneOf<const T extends string>(...values: readonly T[]): Read<T> {
  return (value, path) => {
    if (!values.includes(value as T)) throw refuse(path, `one of ${values.join(', ')}`)
    return value as T
  }
}

export function optional<T>(read: Read<T>): Read<T | undefined> {
  return (value, path) => (value === undefined ? undefined : read(value, path))
}

export function listOf<T>(read: Read<T>, { atLeast = 0 }: { atLeast?: number } = {}): Read<T[]> {
  return (value, path) => {
    if (!isArray(value) || value.length < atLeast) throw refuse(path, 'an array')
    return value.map((item, index) => read(item, `${path}.${index}`))
  }
}

/** Copies the named fields and drops the others. */
export function record<T extends object>(fields: { readonly [Key in keyof T]-?: Read<T[Key]> }): Read<T> {
  const entries = entriesOf(fields) as [string, Read<unknown>][]
  return (value, path) => {
    if (typeof value !== 'object' || value === null || isArray(value)) throw refuse(path, 'an object')
    const result: Record<string, unknown> = {}
    for (const [key, read] of entries) {
      const item = read((value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`)
      if (item !== undefined) result[key] = item
    }
    return result as T
  }
}

/** Chooses by one field. */
export function variant<T extends object>(key: keyof T & string, options: Readonly<Record<string, Read<T>>>): Read<T> {
  return (value, path) => {
    const name: unknown =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
    const read = typeof name === 'string' && hasOwn(options, name) ? options[name] : undefined
    if (read === undefined) throw refuse(path === '' ? key : `${path}.${key}`, `one of ${keysOf(options).join(', ')}`)
    return read(value, path)
  }
}
