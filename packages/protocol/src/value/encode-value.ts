import { classify } from './classify.ts'
import { ValueEncoder } from './value-encoder.ts'

export interface EncodedValue {
  readonly bytes: Uint8Array
  /** Something was cut to the budget, or text stands for a part that does not survive. */
  readonly truncated: boolean
}

/**
 * Writes a completion value as bytes for `decodeValue`, in one pass and within the budget.
 *
 * `undefined`: the value does not survive at all. That is a function, a symbol, and an object whose state cannot be seen
 * from outside (a promise, a WeakMap, a class instance without own enumerable properties). Inside other data these
 * become text such as `[Function: name]`, with `truncated`.
 */
export function encodeValue(value: unknown, budget: { bytes: number; depth: number }): EncodedValue | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  try {
    if (typeof value === 'object' && value !== null && classify(value) === 'opaque') return undefined
    const encoder = new ValueEncoder(budget)
    if (!encoder.write(value)) return undefined
    return { bytes: encoder.writer.finish(), truncated: encoder.truncated }
  } catch {
    // a proxy that refuses to be looked at, or no stack left to walk the value
    return undefined
  }
}
