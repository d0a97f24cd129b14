import { Buffer } from 'node:buffer'
import { decodeValue, encodeValue } from '@capsule/protocol'
import { bridgeErrors } from './errors.ts'

// unit: levels; more than any cell's value has, and less than breaks the reader
const depth = 1000
const format = 'capsule-1'

/**
 * A value as the text that a store keeps: JSON around the bytes of `encodeValue`, since JSON alone loses undefined, Map, Date,
 * bytes, NaN and errors. All or nothing.
 * @throws VALUE_NOT_RECORDED
 */
export function sealValue(id: string, value: unknown, limitBytes: number): string {
  const encoded = encodeValue(value, { bytes: limitBytes, depth })
  if (encoded === undefined) throw bridgeErrors.VALUE_NOT_RECORDED({ id, problem: 'it has no form as data' })
  if (encoded.truncated) {
    throw bridgeErrors.VALUE_NOT_RECORDED({ id, problem: `it is over ${limitBytes} bytes, or not all of it is data` })
  }
  return JSON.stringify({ format, data: Buffer.from(encoded.bytes).toString('base64') })
}

/** @throws RECORD_MALFORMED */
export function openValue(id: string, text: string | undefined): unknown {
  try {
    const { format: found, data } = JSON.parse(text ?? '') as { format?: unknown; data?: unknown }
    if (found !== format || typeof data !== 'string') throw new TypeError(`not of the format ${format}`)
    return decodeValue(new Uint8Array(Buffer.from(data, 'base64')))
  } catch (error) {
    throw bridgeErrors.RECORD_MALFORMED({ id, problem: (error as Error).message }, { cause: error })
  }
}
