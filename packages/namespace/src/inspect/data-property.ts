import { types } from 'node:util'
import { getOwnPropertyDescriptor, getPrototypeOf } from '../primordials.ts'

/** What `holder[key]` would be, without running a getter or the trap of a proxy; undefined when only that could tell. */
export function dataProperty(holder: object, key: PropertyKey): unknown {
  for (let object: object | null = holder; object !== null; object = getPrototypeOf(object)) {
    if (types.isProxy(object)) return undefined
    const property = getOwnPropertyDescriptor(object, key)
    if (property !== undefined) return property.value
  }
  return undefined
}
