import { protocolErrors } from '../errors.ts'

/**
 * Refuses what the codecs would not carry alike, before either starts to write.
 * @returns whether the message holds bytes, or a `$bytes` key that JSON must escape
 * @throws FRAME_TOO_DEEP, MESSAGE_NOT_ENCODABLE
 */
export function checkEncodable(value: unknown, maxDepth: number): boolean {
  return check(value, 'the message', maxDepth, maxDepth)
}

function check(value: unknown, key: string | number, depthLeft: number, maxDepth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return false
    case 'number':
      if (!Number.isFinite(value)) throw refusal(key, `${value} is not a finite number`)
      return false
    case 'object':
      return value === null ? false : checkObject(value, key, depthLeft, maxDepth)
    default:
      throw refusal(key, `it is of type ${typeof value}`)
  }
}

function checkObject(value: object, key: string | number, depthLeft: number, maxDepth: number): boolean {
  if (value instanceof Uint8Array) return true
  if (depthLeft === 0) throw protocolErrors.FRAME_TOO_DEEP({ depth: maxDepth })
  let special = false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (check(value[index], index, depthLeft - 1, maxDepth)) special = true
    }
    return special
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw refusal(key, 'it is not a plain object')
  for (const [name, item] of Object.entries(value)) {
    if (name === '$bytes') special = true
    if (item !== undefined && check(item, name, depthLeft - 1, maxDepth)) special = true
  }
  return special
}

const refusal = (key: string | number, problem: string): Error =>
  protocolErrors.MESSAGE_NOT_ENCODABLE({ key: String(key), problem })
