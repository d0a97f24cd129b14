import { Buffer } from 'node:buffer'
import type { Codec } from '../codec.ts'
import { protocolErrors } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { checkEncodable } from './encodable.ts'
import { scanJson } from './json-scan.ts'

// taken at load: in a worker, cells share `globalThis` with the codec
const { parse, stringify } = JSON
const { isArray } = Array
const { entries, fromEntries, hasOwn } = Object
const { deleteProperty } = Reflect
const NativeUint8Array = Uint8Array

/** JSON, with bytes as `{"$bytes":"<base64>"}`. An object that has that key itself is wrapped: `{"$bytes":{...}}`. */
export function createJsonCodec(): Codec {
  return {
    name: 'json',
    encode(message, limits = defaultLimits) {
      const { hasBytes } = checkEncodable(message, limits.depth)
      return Buffer.from(stringify(hasBytes ? wrap(message) : message))
    },
    decode(payload, limits) {
      scanJson(payload, limits.depth)
      try {
        return unwrap(parse(view(payload).toString('utf8')))
      } catch (error) {
        throw protocolErrors.FRAME_MALFORMED({ codec: 'json', problem: 'it cannot be parsed' }, { cause: error })
      }
    },
  }
}

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function wrap(value: unknown): unknown {
  if (value instanceof NativeUint8Array) return { $bytes: view(value).toString('base64') }
  if (isArray(value)) return value.map(wrap)
  if (typeof value !== 'object' || value === null) return value
  const copy = fromEntries(entries(value).map(([key, item]) => [key, wrap(item)]))
  return hasOwn(copy, '$bytes') ? { $bytes: copy } : copy
}

function unwrap(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isArray(value)) return unwrapItems(value)
  const items = value as Record<string, unknown>
  if (hasOwn(items, '$bytes')) {
    const { $bytes: inner } = items
    if (typeof inner === 'string') return new NativeUint8Array(Buffer.from(inner, 'base64'))
    if (typeof inner === 'object' && inner !== null) return unwrapItems(inner)
  }
  return unwrapItems(items)
}

function unwrapItems(items: object): object {
  // JSON.parse makes it an own property, which a later copy could turn into a prototype
  if (hasOwn(items, '__proto__')) deleteProperty(items, '__proto__')
  for (const [key, item] of entries(items)) {
    if (typeof item === 'object' && item !== null) (items as Record<string, unknown>)[key] = unwrap(item)
  }
  return items
}
