import {
  allocate,
  byteLengthOf,
  charCodeAt,
  isWellFormed,
  setBytes,
  subarray,
  sliceBytes,
  writeUtf16,
  writeUtf8,
} from './primordials.ts'

// the longest text written character by character; above it the native writer is faster
const shortText = 32

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const int64 = new BigInt64Array(1)
const int64Bytes = new Uint8Array(int64.buffer)

// One buffer is kept for small results. It is taken away while in use, so that code terminated half-way only loses it.
const spareBytes = 32 * 1024
let spare: Buffer | undefined

/** Writes MessagePack into a buffer that grows. Nothing here allocates per item. */
export class ByteWriter {
  #bytes: Buffer
  position = 0

  constructor() {
    this.#bytes = spare ?? allocate(spareBytes)
    spare = undefined
  }

  /** The bytes written; the writer is spent. */
  finish(): Uint8Array {
    if (this.#bytes.length !== spareBytes) return subarray(this.#bytes, 0, this.position)
    const result = sliceBytes(this.#bytes, 0, this.position)
    spare = this.#bytes
    return result
  }

  byte(value: number): void {
    this.#ensure(1)
    this.#bytes[this.position++] = value
  }

  number(value: number): void {
    this.#ensure(9)
    const bytes = this.#bytes
    if (value >>> 0 === value && !(value === 0 && 1 / value < 0)) {
      if (value < 0x80) bytes[this.position++] = value
      else if (value < 0x1_0000) this.header16(0xcd, value)
      else this.header32(0xce, value)
    } else if (value >= -32 && value < 0 && value >> 0 === value) bytes[this.position++] = value & 0xff
    else if (value >> 0 === value && value !== 0) this.header32(0xd2, value)
    else {
      double[0] = value
      bytes[this.position++] = 0xcb
      for (let index = 7; index >= 0; index--) bytes[this.position++] = doubleBytes[index] as number
    }
  }

  /** A 64-bit integer, which always means a BigInt here: numbers that large are written as doubles. */
  int64(value: bigint): void {
    this.#ensure(9)
    int64[0] = value
    const bytes = this.#bytes
    bytes[this.position++] = 0xd3
    for (let index = 7; index >= 0; index--) bytes[this.position++] = int64Bytes[index] as number
  }

  /** A token and a two-byte count. */
  header16(token: number, count: number): void {
    this.#ensure(3)
    const bytes = this.#bytes
    bytes[this.position++] = token
    bytes[this.position++] = count >>> 8
    bytes[this.position++] = count
  }

  /** A token and a four-byte count. */
  header32(token: number, count: number): void {
    this.#ensure(5)
    this.#bytes[this.position] = token
    this.patch32(this.position + 1, count)
    this.position += 5
  }

  patch32(position: number, count: number): void {
    const bytes = this.#bytes
    bytes[position] = count >>> 24
    bytes[position + 1] = count >>> 16
    bytes[position + 2] = count >>> 8
    bytes[position + 3] = count
  }

  /** Opens an array (`0x90`) or a map (`0x80`) and returns where its count is, for {@link close}. */
  open(kind: 0x80 | 0x90, count: number): number {
    const start = this.position
    if (count < 16) this.byte(kind | count)
    else if (count < 0x1_0000) this.header16(kind === 0x90 ? 0xdc : 0xde, count)
    else this.header32(kind === 0x90 ? 0xdd : 0xdf, count)
    return start
  }

  /** Corrects the count of an array or map that ended otherwise than it was opened. A longer one must have had room. */
  close(start: number, count: number): void {
    const bytes = this.#bytes
    const token = bytes[start] as number
    if (token < 0xa0) bytes[start] = (token & 0xf0) | count
    else if (token === 0xdc || token === 0xde) {
      bytes[start + 1] = count >>> 8
      bytes[start + 2] = count
    } else this.patch32(start + 1, count)
  }

  /** Writes a well-formed text if it takes at most `limit` bytes; `false`: nothing was written. */
  text(text: string, limit: number): boolean {
    const length = text.length
    if (length < shortText) {
      if (length + 2 > limit) return false
      this.#ensure(length + 2)
      if (this.#ascii(text, length)) return true
    }
    if (length + 5 > limit) return false
    if (!isWellFormed(text)) return this.#utf16(text, limit)
    // counting first is cheap beside copying, and an exact size spares both memory and a second copy
    const size = length * 3 + 5 <= limit && length < 4096 ? length * 3 : byteLengthOf(text)
    if (size + 5 > limit) return false
    this.#ensure(size + 5)
    const headerBytes = size < 0x100 ? 2 : size < 0x1_0000 ? 3 : 5
    const start = this.position
    const written = writeUtf8(this.#bytes, text, start + headerBytes, size)
    this.#textHeader(headerBytes, written)
    this.position = start + headerBytes + written
    return true
  }

  /** Copies bytes in, as MessagePack's binary. */
  binary(from: Uint8Array): void {
    const length = from.length
    this.#ensure(length + 5)
    if (length < 0x100) {
      this.byte(0xc4)
      this.byte(length)
    } else if (length < 0x1_0000) this.header16(0xc5, length)
    else this.header32(0xc6, length)
    setBytes(this.#bytes, from, this.position)
    this.position += length
  }

  #textHeader(headerBytes: number, written: number): void {
    const start = this.position
    if (headerBytes === 2) {
      this.#bytes[start] = 0xd9
      this.#bytes[start + 1] = written
    } else if (headerBytes === 3) this.header16(0xda, written)
    else this.header32(0xdb, written)
  }

  #ascii(text: string, length: number): boolean {
    const bytes = this.#bytes
    let position = this.position + 1
    for (let index = 0; index < length; index++) {
      const code = charCodeAt(text, index)
      if (code >= 0x80) return false
      bytes[position++] = code
    }
    bytes[this.position] = 0xa0 | length
    this.position = position
    return true
  }

  /** Lone surrogates do not survive UTF-8, so such a text travels as `{ $: 'utf16', v: <little-endian units> }`. */
  #utf16(text: string, limit: number): boolean {
    const size = text.length * 2
    if (size + 20 > limit) return false
    this.#ensure(size + 20)
    this.byte(0x82)
    this.text('$', 20)
    this.text('utf16', 20)
    this.text('v', 20)
    this.header32(0xc6, size)
    writeUtf16(this.#bytes, text, this.position, size)
    this.position += size
    return true
  }

  #ensure(size: number): void {
    const { length } = this.#bytes
    if (this.position + size <= length) return
    const wanted = this.position + size + 1024
    // what is never written to takes no memory, so the steps are large
    const larger = allocate(wanted > length * 4 ? wanted : length * 4)
    setBytes(larger, subarray(this.#bytes, 0, this.position), 0)
    this.#bytes = larger
  }
}
