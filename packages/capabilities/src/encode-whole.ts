import type { CapsuleError } from '@capsule/core'
import { encodeValue, streamLimits } from '@capsule/protocol'
import { capabilityErrors } from './errors.ts'

const depth = streamLimits.valueDepth

/** The whole value as bytes, or why it cannot cross. */
export function encodeWhole(capability: string, value: unknown, limitBytes: number): Uint8Array | CapsuleError {
  const encoded = encodeValue(value, { bytes: limitBytes, depth })
  if (encoded !== undefined && !encoded.truncated) return encoded.bytes
  // how large it is can be told from more room; a value that is cut there too is far too large
  const wider = limitBytes * 2 + 4096
  const measured = encodeValue(value, { bytes: wider, depth })
  const bytes = measured?.bytes.length ?? 0
  if (bytes > limitBytes) return capabilityErrors.CAPABILITY_RESULT_TOO_LARGE({ capability, bytes, limitBytes })
  const problems = ['a part of it cannot be sent (a function, a symbol, a promise, or too many levels)']
  return capabilityErrors.CAPABILITY_RESULT_INVALID({ capability, problems })
}
