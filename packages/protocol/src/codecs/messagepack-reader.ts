import { Buffer } from 'node:buffer'

// taken at load: in a worker, cells share `globalThis` with the codec
const { isSafeInteger } = Number
const toNumber = Number

// Texts of up to this many bytes are looked up among those read before: most are property names and their few values.
const cachedBytes = 24
const cacheSlots = 512

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const single = new Float32Array(1)
const singleBytes = new Uint8Array(single.buffer)

/** Reads what `scanMessagePack` has walked over without complaint: every length fits and every token is known. */
export class MessagePackReader {
  #bytes: Buffer = Buffer.alloc(0)
  #position = 0
  readonly #texts: (string | undefined)[] = []

  read(payload: Uint8Array): unknown {
    this.#bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#position = 0
    return this.#item()
  }

  #item(): unknown {
    const token = this.#bytes[this.#position++] as number
    if (token < 0x80) return token
    if (token < 0x90) return this.#map(token & 0x0f)
    if (token < 0xa0) return this.#array(token & 0x0f)
    if (token < 0xc0) return this.#text(token & 0x1f)
    return token >= 0xe0 ? token - 0x100 : this.#wide(token)
  }

  #wide(token: number): unknown {
    switch (token) {
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (token - 0xc4)))
      case 0xca:
        for (let index = 3; index >= 0; index--) singleBytes[index] = this.#uint(1)
        return single[0]
      case 0xcb:
        for (let index = 7; index >= 0; index--) doubleBytes[index] = this.#uint(1)
        return double[0]
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (token - 0xcc))
      case 0xcf:
        return asNumber(this.#bytes.readBigUInt64BE(this.#skip(8)))
      case 0xd0:
        return (this.#uint(1) << 24) >> 24
      case 0xd1:
        return (this.#uint(2) << 16) >> 16
      case 0xd2:
        return this.#uint(4) | 0
      case 0xd3:
        return asNumber(this.#bytes.readBigInt64BE(this.#skip(8)))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (token - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (token - 0xdc)))
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (token - 0xde)))
      default:
        return null
    }
  }

  #map(size: number): object {
    const map: Record<string, unknown> = {}
    for (let index = 0; index < size; index++) {
      const key = this.#item() as string
      const item = this.#item()
      // assigning it would set a prototype
      if (key !== '__proto__') map[key] = item
    }
    return map
  }

  #array(length: number): unknown[] {
    const array: unknown[] = []
    for (let index = 0; index < length; index++) array[index] = this.#item()
    return array
  }

  #binary(length: number): Uint8Array {
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  #text(length: number): string {
    const bytes = this.#bytes
    const start = this.#skip(length)
    const end = start + length
    if (length > cachedBytes || length === 0) return bytes.toString('utf8', start, end)
    // three of the bytes tell nearly all names apart
    const middle = bytes[start + (length >> 1)] as number
    const hash = (bytes[start] as number) * 7 + middle * 31 + (bytes[end - 1] as number) * 13 + length
    const slot = hash & (cacheSlots - 1)
    const known = this.#texts[slot]
    if (known !== undefined && isAt(known, bytes, start, length)) return known
    const text = bytes.toString('utf8', start, end)
    // as long in characters as in bytes: only ASCII is found again
    if (text.length === length) this.#texts[slot] = text
    return text
  }

  #uint(width: number): number {
    let value = 0
    for (let index = 0; index < width; index++) value = value * 256 + (this.#bytes[this.#position++] as number)
    return value
  }

  /** Where the bytes begin that are stepped over. */
  #skip(length: number): number {
    const start = this.#position
    this.#position += length
    return start
  }
}

/** Beyond what a number holds exactly it stays a BigInt, which no message has. */
function asNumber(value: bigint): number | bigint {
  const number = toNumber(value)
  return isSafeInteger(number) ? number : value
}

function isAt(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let index = 0; index < length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}
