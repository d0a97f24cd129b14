import { Buffer } from 'node:buffer'
import { uncurry } from './natives.ts'
import { valueTag } from './value-tags.ts'

// cells may replace these
const allocate = Buffer.allocUnsafeSlow
const byteLength = Buffer.byteLength
type WriteText = (this: Buffer, text: string, at: number, length: number) => number
const { utf8Write, ucs2Write } = Buffer.prototype as unknown as Record<'utf8Write' | 'ucs2Write', WriteText>
const writeUtf8 = uncurry(utf8Write)
const writeUtf16 = uncurry(ucs2Write)
const setBytes = uncurry(Uint8Array.prototype.set as (this: Uint8Array, from: Uint8Array, at: number) => void)
const bufferOf = uncurry(
  Reflect.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'buffer')?.get as (
    this: Uint8Array,
  ) => ArrayBuffer,
)
const isWellFormed = uncurry(String.prototype.isWellFormed)
const charCodeAt = uncurry(String.prototype.charCodeAt)
const bigIntText = uncurry(BigInt.prototype.toString)

const NativeUint8Array = Uint8Array
const shortText = 40
/** Beyond the limit, so that it need not be asked for each byte. */
const slackBytes = 64 * 1024
const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/** What is written would not fit into the limit. */
export class SinkIsFull extends Error {}

/** Writes the parts of a snapshot into a buffer that grows. */
export class ByteSink {
  readonly #limitBytes: number
  #bytes: Buffer
  #length: number
  position = 0

  constructor(sizeBytes = 4096, limitBytes = Infinity) {
    this.#bytes = allocate(sizeBytes)
    this.#length = sizeBytes
    this.#limitBytes = limitBytes
  }

  finish(): Uint8Array {
    return new NativeUint8Array(bufferOf(this.#bytes), 0, this.position)
  }

  byte(value: number): void {
    this.#ensure(1)
    this.#bytes[this.position++] = value
  }

  varint(value: number): void {
    this.#ensure(8)
    const bytes = this.#bytes
    let rest = value
    while (rest >= 0x80) {
      bytes[this.position++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    bytes[this.position++] = rest
  }

  uint32(value: number): void {
    this.#ensure(4)
    this.position += 4
    this.patchUint32(this.position - 4, value)
  }

  /** Overwrites one byte. */
  patch(position: number, value: number): void {
    this.#bytes[position] = value
  }

  patchUint32(position: number, value: number): void {
    const bytes = this.#bytes
    bytes[position] = value >>> 24
    bytes[position + 1] = value >>> 16
    bytes[position + 2] = value >>> 8
    bytes[position + 3] = value
  }

  number(value: number): void {
    if ((value | 0) === value && !(value === 0 && 1 / value < 0) && value > -(2 ** 30) && value < 2 ** 30) {
      this.byte(valueTag.integer)
      return this.varint(value < 0 ? -value * 2 - 1 : value * 2)
    }
    this.#ensure(9)
    this.#bytes[this.position++] = valueTag.double
    double[0] = value
    for (let index = 0; index < 8; index++) this.#bytes[this.position++] = doubleBytes[index] as number
  }

  hole(): void {
    this.byte(valueTag.hole)
  }

  bigint(value: bigint): void {
    this.byte(valueTag.bigint)
    this.text(bigIntText(value, 16))
  }

  text(text: string): void {
    const { length } = text
    if (length < shortText) {
      this.#ensure(length + 2)
      if (this.#ascii(text, length)) return
    }
    const isUtf8 = isWellFormed(text)
    const size = isUtf8 ? byteLength(text) : length * 2
    this.#ensure(size + 5)
    this.byte(isUtf8 ? valueTag.text : valueTag.utf16)
    this.uint32(size)
    const write = isUtf8 ? writeUtf8 : writeUtf16
    write(this.#bytes, text, this.position, size)
    this.position += size
  }

  binary(from: Uint8Array): void {
    this.varint(from.length)
    this.#ensure(from.length)
    setBytes(this.#bytes, from, this.position)
    this.position += from.length
  }

  /** The bytes as they are. */
  append(from: Uint8Array): void {
    this.#ensure(from.length)
    setBytes(this.#bytes, from, this.position)
    this.position += from.length
  }

  #ascii(text: string, length: number): boolean {
    const bytes = this.#bytes
    let position = this.position + 2
    for (let index = 0; index < length; index++) {
      const code = charCodeAt(text, index)
      if (code >= 0x80) return false
      bytes[position++] = code
    }
    bytes[this.position] = valueTag.shortText
    bytes[this.position + 1] = length
    this.position = position
    return true
  }

  #ensure(size: number): void {
    const needed = this.position + size
    if (needed <= this.#length) return
    // the caller's own limit is exact; this one is there so that memory stays in proportion to it
    if (needed > this.#limitBytes + slackBytes) throw new SinkIsFull()
    const length = Math.min(Math.max(needed + 1024, this.#length * 2), this.#limitBytes + slackBytes)
    const larger = allocate(length)
    setBytes(larger, this.finish(), 0)
    this.#bytes = larger
    this.#length = length
  }
}
