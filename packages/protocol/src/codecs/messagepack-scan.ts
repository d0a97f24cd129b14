import { protocolErrors } from '../errors.ts'
import { messageContainers } from '../limits.ts'

// what is left to read on each open level, and whether that level is a map; grown to the deepest limit asked for
let leftAt = new Uint32Array(128)
let mapAt = new Uint8Array(128)

const malformed = (problem: string): Error => protocolErrors.FRAME_MALFORMED({ codec: 'msgpack', problem })

/**
 * Walks over one MessagePack message without allocating or recursing. After it, decoding allocates no more than a fixed
 * multiple of the frame: every claimed length fits, in sum, in the bytes that are there.
 * @throws FRAME_TOO_DEEP, FRAME_MALFORMED
 */
export function scanMessagePack(bytes: Uint8Array, maxDepth: number): void {
  if (leftAt.length <= maxDepth) {
    leftAt = new Uint32Array(maxDepth + 1)
    mapAt = new Uint8Array(maxDepth + 1)
  }
  const lefts = leftAt
  const maps = mapAt
  const end = bytes.length
  let position = 0
  let depth = 0
  let containers = 0
  // items still owed on all open levels; each takes a byte at least
  let owed = 1
  lefts[0] = 1
  maps[0] = 0
  while (owed > 0) {
    if (owed > end - position) throw malformed('it ends early')
    while (lefts[depth] === 0) depth--
    const left = lefts[depth] as number
    lefts[depth] = left - 1
    owed--
    const token = bytes[position++] as number
    if (maps[depth] === 1 && (left & 1) === 0 && !isString(token)) throw malformed('a map key is not a string')
    const size = containerSize(bytes, position, token)
    if (size < 0) {
      position += scalarBytes(bytes, position, token)
      if (position > end) throw malformed('it ends early')
      continue
    }
    if (++containers > messageContainers) throw malformed(`more than ${messageContainers} arrays and maps`)
    if (++depth > maxDepth) throw protocolErrors.FRAME_TOO_DEEP({ depth: maxDepth })
    const isMap = token >= 0xde || token < 0x90
    const items = isMap ? size * 2 : size
    position += token < 0xa0 ? 0 : token === 0xdc || token === 0xde ? 2 : 4
    owed += items
    // now, because a claim may be more than a level can note
    if (owed > end - position) throw malformed('it ends early')
    lefts[depth] = items
    maps[depth] = isMap ? 1 : 0
  }
  if (position < end) throw malformed('bytes follow the message')
}

const isString = (token: number): boolean => (token >= 0xa0 && token < 0xc0) || (token >= 0xd9 && token <= 0xdb)

// a byte past the end reads as 0; that the bytes are there is checked by the caller afterwards
const at = (bytes: Uint8Array, position: number): number => bytes[position] ?? 0
const uint16 = (bytes: Uint8Array, position: number): number => at(bytes, position) * 256 + at(bytes, position + 1)
const uint32 = (bytes: Uint8Array, position: number): number =>
  uint16(bytes, position) * 65_536 + uint16(bytes, position + 2)

/** Entries of the array or map that `token` opens, or -1. */
function containerSize(bytes: Uint8Array, position: number, token: number): number {
  if (token >= 0x80 && token < 0xa0) return token & 0x0f
  if (token === 0xdc || token === 0xde) return uint16(bytes, position)
  if (token === 0xdd || token === 0xdf) return uint32(bytes, position)
  return -1
}

/** How many bytes follow the token of a scalar. */
function scalarBytes(bytes: Uint8Array, position: number, token: number): number {
  if (token < 0x80 || token >= 0xe0) return 0
  if (token < 0xc0) return token & 0x1f
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 0
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
      return 2
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xc4:
    case 0xd9:
      return 1 + at(bytes, position)
    case 0xc5:
    case 0xda:
      return 2 + uint16(bytes, position)
    case 0xc6:
    case 0xdb:
      return 4 + uint32(bytes, position)
    default:
      throw malformed(`the byte 0x${token.toString(16)} opens nothing that Capsule uses`)
  }
}
