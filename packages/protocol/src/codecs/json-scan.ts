import { protocolErrors } from '../errors.ts'
import { messageContainers } from '../limits.ts'

const quote = 0x22
const backslash = 0x5c

/**
 * Counts brackets outside strings, so that `JSON.parse` cannot be made to recurse or allocate without bound.
 * @throws FRAME_TOO_DEEP, FRAME_MALFORMED
 */
export function scanJson(bytes: Uint8Array, maxDepth: number): void {
  let depth = 0
  let containers = 0
  for (let position = 0; position < bytes.length; position++) {
    const byte = bytes[position] as number
    if (byte === quote) position = stringEnd(bytes, position + 1)
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw protocolErrors.FRAME_TOO_DEEP({ depth: maxDepth })
      if (++containers > messageContainers) {
        throw protocolErrors.FRAME_MALFORMED({
          codec: 'json',
          problem: `more than ${messageContainers} arrays and maps`,
        })
      }
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
}

/** Where the string that starts at `position` closes; the end of the bytes when it does not. */
function stringEnd(bytes: Uint8Array, position: number): number {
  for (;;) {
    const close = bytes.indexOf(quote, position)
    if (close < 0) return bytes.length
    let escapes = 0
    while (close - escapes > position && bytes[close - escapes - 1] === backslash) escapes++
    if (escapes % 2 === 0) return close
    position = close + 1
  }
}
