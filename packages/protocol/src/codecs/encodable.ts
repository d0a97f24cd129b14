import { protocolErrors } from '../errors.ts'

// taken at load: in a worker, cells share `globalThis` with the codec
const { isArray } = Array
const { getPrototypeOf, keys, prototype: objectPrototype } = Object
const { isFinite } = Number
const NativeUint8Array = Uint8Array

/** What the JSON codec has to care for in a message. */
export interface Contents {
  /** Bytes, or a `$bytes` key that JSON must escape. */
  hasBytes: boolean
}

/**
 * Refuses what the codecs would not carry alike, before either starts to write.
 * @throws FRAME_TOO_DEEP, MESSAGE_NOT_ENCODABLE
 */
export function checkEncodable(message: object, maxDepth: number): Contents {
  const contents: Contents = { hasBytes: false }
  checkObject(message, 'the message', maxDepth, contents)
  return contents

  function checkObject(value: object, name: string | number, depthLeft: number, found: Contents): void {
    if (value instanceof NativeUint8Array) {
      found.hasBytes = true
      return
    }
    if (depthLeft === 0) throw protocolErrors.FRAME_TOO_DEEP({ depth: maxDepth })
    if (isArray(value)) {
      for (let index = 0; index < value.length; index++) checkItem(value[index], index, depthLeft, found)
      return
    }
    const prototype: unknown = getPrototypeOf(value)
    if (prototype !== objectPrototype && prototype !== null) throw refusal(name, 'it is not a plain object')
    for (const key of keys(value)) {
      if (key === '$bytes') found.hasBytes = true
      const item = (value as Record<string, unknown>)[key]
      if (item !== undefined) checkItem(item, key, depthLeft, found)
    }
  }

  function checkItem(value: unknown, name: string | number, depthLeft: number, found: Contents): void {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return
      case 'number':
        if (!isFinite(value)) throw refusal(name, `${value} is not a finite number`)
        return
      case 'object':
        if (value !== null) checkObject(value, name, depthLeft - 1, found)
        return
      default:
        throw refusal(name, `it is of type ${typeof value}`)
    }
  }
}

export const refusal = (name: string | number, problem: string): Error =>
  protocolErrors.MESSAGE_NOT_ENCODABLE({ key: String(name), problem })
