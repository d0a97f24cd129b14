import { getPrototypeOf, hasOwn, matchesPattern, ownKeys } from '../primordials.ts'

/** Contents by MIME type: text, bytes, or what JSON has a form for. */
export type MimeBundle = Readonly<Record<string, unknown>>

const mimePattern = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}$/

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = getPrototypeOf(value)
  // of another realm: its prototype has none, and a `hasOwnProperty` of its own
  return prototype === null || (getPrototypeOf(prototype) === null && hasOwn(prototype, 'hasOwnProperty'))
}

/** An object whose every key is a MIME type. */
export function isMimeBundle(value: unknown): value is MimeBundle {
  if (!isPlainObject(value)) return false
  const keys = ownKeys(value)
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]
    if (typeof key !== 'string' || !matchesPattern(mimePattern, key)) return false
  }
  return keys.length > 0
}
