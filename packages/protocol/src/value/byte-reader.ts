import { Buffer } from 'node:buffer'
import { protocolErrors } from '../errors.ts'
import { makeBytes } from './primordials.ts'

// taken at load: in a worker, cells share `globalThis` with it
const { imul } = Math
const NativeDataView = DataView

export const malformed = (problem: string): Error => protocolErrors.VALUE_MALFORMED({ problem })

// Texts of up to this many bytes are looked up among those read before: most are property names.
const cachedBytes = 12
const cacheSlots = 1024

/** What `toString` calls after looking at its arguments, which takes as long as a short text does. */
interface SlicingBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
  latin1Slice(start: number, end: number): string
}

/** Reads MessagePack's parts. Reading past the end throws VALUE_MALFORMED. */
export class ByteReader {
  readonly #bytes: SlicingBuffer
  readonly #view: DataView
  readonly #cache: (string | undefined)[] = []
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer as SlicingBuffer
    this.#view = new NativeDataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.#bytes.length - this.position
  }

  byte(): number {
    const byte = this.#bytes[this.position++]
    if (byte === undefined) throw malformed('it ends early')
    return byte
  }

  uint(width: 1 | 2 | 4): number {
    let value = 0
    for (let index = 0; index < width; index++) value = value * 256 + this.byte()
    return value
  }

  double(): number {
    this.#need(8)
    const value = this.#view.getFloat64(this.position)
    this.position += 8
    return value
  }

  int64(): bigint {
    this.#need(8)
    const value = this.#bytes.readBigInt64BE(this.position)
    this.position += 8
    return value
  }

  /** A text whose token was read, or undefined when the token opens something else. */
  text(token: number): string | undefined {
    if (token >= 0xa0 && token < 0xc0) return this.#text(token & 0x1f)
    if (token === 0xd9) return this.#text(this.uint(1))
    if (token === 0xda) return this.#text(this.uint(2))
    return token === 0xdb ? this.#text(this.uint(4)) : undefined
  }

  /** Small binaries are copied. Large ones share the memory that was read, so what they keep alive is mostly theirs. */
  binary(length: number): Uint8Array {
    this.#need(length)
    const { buffer, byteOffset } = this.#bytes
    const start = byteOffset + this.position
    this.position += length
    const view = new makeBytes(buffer, start, length)
    return length * 2 > this.#bytes.length && length >= 4096 ? view : view.slice()
  }

  #need(length: number): void {
    if (length > this.remaining) throw malformed('it ends early')
  }

  #text(length: number): string {
    this.#need(length)
    const start = this.position
    const end = start + length
    this.position = end
    const bytes = this.#bytes
    if (length > cachedBytes) return bytes.utf8Slice(start, end)
    let hash = length
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number
      if (byte >= 0x80) return bytes.utf8Slice(start, end)
      hash = (imul(hash, 31) + byte) | 0
    }
    const slot = hash & (cacheSlots - 1)
    const known = this.#cache[slot]
    if (known !== undefined && this.#isAt(known, start, length)) return known
    const text = bytes.latin1Slice(start, end)
    this.#cache[slot] = text
    return text
  }

  #isAt(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false
    const bytes = this.#bytes
    for (let index = 0; index < length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
    return true
  }
}
