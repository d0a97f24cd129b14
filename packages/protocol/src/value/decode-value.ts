import { protocolErrors } from '../errors.ts'
import { valueDepthCap } from '../limits.ts'
import { malformed } from './byte-reader.ts'
import { ValueDecoder } from './value-decoder.ts'

// taken at load: in a worker, cells share `globalThis` with it
const { min } = Math

/**
 * Reads what `encodeValue` wrote. Any bytes give a value or an error: constructors come from a fixed table, and no key
 * reaches a prototype. Large byte arrays may be views of `bytes`.
 * @param limits - `depth` defaults to 1000, the most that `encodeValue` writes
 * @throws VALUE_MALFORMED
 */
export function decodeValue(bytes: Uint8Array, limits: { depth?: number } = {}): unknown {
  const decoder = new ValueDecoder(bytes, min(limits.depth ?? valueDepthCap, valueDepthCap))
  let value: unknown
  try {
    value = decoder.read()
  } catch (error) {
    if (protocolErrors.VALUE_MALFORMED.is(error)) throw error
    throw protocolErrors.VALUE_MALFORMED({ problem: 'it cannot be rebuilt' }, { cause: error })
  }
  if (decoder.reader.remaining > 0) throw malformed('bytes follow the value')
  return value
}
