import {
  errorPrototype,
  getPrototypeOf,
  isAnyArrayBuffer,
  isArray,
  isBoxedPrimitive,
  isDataView,
  isDate,
  isMap,
  isRegExp,
  isSet,
  isSymbolObject,
  isTypedArray,
  objectPrototype,
  ownKeys,
} from './primordials.ts'

/** How an object travels. `opaque`: it has no state that can be seen from outside. */
export type ObjectKind = 'array' | 'record' | 'map' | 'set' | 'date' | 'regexp' | 'bytes' | 'error' | 'boxed' | 'opaque'

/** May throw what the traps of a proxy throw. */
export function classify(value: object): ObjectKind {
  if (isArray(value)) return 'array'
  const prototype: unknown = getPrototypeOf(value)
  if (prototype === objectPrototype || prototype === null) return 'record'
  if (isMap(value)) return 'map'
  if (isSet(value)) return 'set'
  if (isDate(value)) return 'date'
  if (isRegExp(value)) return 'regexp'
  if (isTypedArray(value) || isDataView(value) || isAnyArrayBuffer(value)) return 'bytes'
  if (isBoxedPrimitive(value) && !isSymbolObject(value)) return 'boxed'
  for (let link: unknown = prototype, hops = 0; typeof link === 'object' && link !== null && hops < 100; hops++) {
    if (link === errorPrototype) return 'error'
    link = getPrototypeOf(link)
  }
  return ownKeys(value).length > 0 ? 'record' : 'opaque'
}
