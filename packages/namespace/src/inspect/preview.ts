import { inspect, types } from 'node:util'
import { engineLimits } from '../engine-limits.ts'
import { getOwnPropertyDescriptor, hasOwn, ownKeys } from '../primordials.ts'
import { cut } from '../value-text.ts'
import { dataProperty } from './data-property.ts'

const shownItems = 10

/**
 * One line like `util.inspect`'s, one level deep. `inspect` itself would run getters of the user (`toStringTag`,
 * `stack`), and looking at the namespace must not.
 */
export function previewOf(value: unknown): string {
  return cut(isObject(value) ? previewOfObject(value) : primitive(value), engineLimits.preview).text
}

/** `typeof`, or the constructor's name of an object. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  if (types.isProxy(value)) return 'Proxy'
  const constructor = dataProperty(value, 'constructor')
  const name = typeof constructor === 'function' ? dataProperty(constructor, 'name') : undefined
  return typeof name === 'string' && name !== '' ? cut(name, engineLimits.preview).text : 'object'
}

/** Length of a string or array, size of a Map or Set, bytes of a buffer, number of own keys of an object. */
export function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return undefined
  if (Array.isArray(value)) return value.length
  if (types.isMap(value)) return sizeOfMap.call(value)
  if (types.isSet(value)) return sizeOfSet.call(value)
  if (ArrayBuffer.isView(value))
    return types.isDataView(value) ? bytesOfDataView.call(value) : bytesOfTypedArray.call(value)
  if (types.isArrayBuffer(value)) return bytesOfBuffer.call(value)
  return Object.keys(value).length
}

const sizeOfMap = getterOf(Map.prototype, 'size')
const sizeOfSet = getterOf(Set.prototype, 'size')
const bytesOfBuffer = getterOf(ArrayBuffer.prototype, 'byteLength')
const bytesOfDataView = getterOf(DataView.prototype, 'byteLength')
const bytesOfTypedArray = getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, 'byteLength')
// called with what they are about
// oxlint-disable-next-line typescript/unbound-method
const timeOf = Date.prototype.getTime
// oxlint-disable-next-line typescript/unbound-method
const sourceOf = Function.prototype.toString

function getterOf(holder: object, key: string): () => number {
  return getOwnPropertyDescriptor(holder, key)?.get as () => number
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function primitive(value: unknown): string {
  return inspect(value, { breakLength: Infinity, maxStringLength: engineLimits.preview }).replace(/\s*\n\s*/g, ' ')
}

function previewOfObject(value: object): string {
  if (types.isProxy(value)) return '[Proxy]'
  if (typeof value === 'function') return previewOfFunction(value)
  if (types.isDate(value)) return primitive(new Date(timeOf.call(value)))
  if (types.isNativeError(value)) return previewOfError(value)
  const type = typeOf(value)
  if (Array.isArray(value)) return list(value, value.length, ['[', ']'])
  if (types.isMap(value) || types.isSet(value) || ArrayBuffer.isView(value)) return `${type}(${sizeOf(value)})`
  const prefix = type === 'Object' ? '' : `${type} `
  return `${prefix}${list(value, undefined, ['{', '}'])}`
}

function previewOfFunction(value: object): string {
  const name = dataProperty(value, 'name')
  const label = typeof name === 'string' && name !== '' ? name : '(anonymous)'
  const isClass = sourceOf.call(value).startsWith('class')
  return isClass ? `[class ${label}]` : label === '(anonymous)' ? '[Function (anonymous)]' : `[Function: ${label}]`
}

function previewOfError(value: Error): string {
  const message = dataProperty(value, 'message')
  return typeof message === 'string' && message !== ''
    ? `${typeOf(value)}: ${message.replace(/\s+/g, ' ')}`
    : typeOf(value)
}

function list(holder: object, length: number | undefined, [open, close]: readonly [string, string]): string {
  const keys =
    length === undefined ? ownKeys(holder) : Array.from({ length: Math.min(length, shownItems) }, (_, index) => index)
  const items = keys.slice(0, shownItems).map((key) => {
    const property = getOwnPropertyDescriptor(holder, key)
    const text = property === undefined ? '<empty>' : nested(property)
    return length === undefined ? `${keyText(key)}: ${text}` : text
  })
  const total = length ?? keys.length
  if (total > items.length) items.push('…')
  return items.length === 0 ? `${open}${close}` : `${open} ${items.join(', ')} ${close}`
}

function nested(property: PropertyDescriptor): string {
  if (!hasOwn(property, 'value')) return '[Getter]'
  const value: unknown = property.value
  if (!isObject(value)) return primitive(value)
  if (typeof value === 'function') return previewOfFunction(value)
  return Array.isArray(value) ? '[Array]' : `[${typeOf(value)}]`
}

function keyText(key: PropertyKey): string {
  return typeof key === 'string' && !/^[\w$]+$/.test(key) ? primitive(key) : String(key)
}
