import { Buffer } from 'node:buffer'
import { uncurry } from './natives.ts'
import { valueTag } from './value-tags.ts'

interface SlicingBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
  latin1Slice(start: number, end: number): string
  ucs2Slice(start: number, end: number): string
}
const { utf8Slice, latin1Slice, ucs2Slice } = Buffer.prototype as SlicingBuffer
const sliceUtf8 = uncurry(utf8Slice)
const sliceLatin1 = uncurry(latin1Slice)
const sliceUtf16 = uncurry(ucs2Slice)
const NativeUint8Array = Uint8Array
const setBytes = uncurry(Uint8Array.prototype.set as (this: Uint8Array, from: Uint8Array) => void)
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const getterOf = <Result>(name: string): ((self: Uint8Array) => Result) =>
  uncurry(Reflect.getOwnPropertyDescriptor(typedArray, name)?.get as (this: Uint8Array) => Result)
const bufferOf = getterOf<ArrayBuffer>('buffer')
const offsetOf = getterOf<number>('byteOffset')
const matches = uncurry(RegExp.prototype.test)
const toBigInt = BigInt
const toBuffer = Buffer.from.bind(Buffer) as (bytes: ArrayBufferLike, offset: number, length: number) => Buffer
const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const hexadecimal = /^-?[0-9a-f]+$/

/** What is wrong with a snapshot; no message quotes its content. */
export class MalformedSnapshot extends Error {}

export function malformed(problem: string): MalformedSnapshot {
  return new MalformedSnapshot(problem)
}

/** Reads what `ByteSink` wrote. Whatever the bytes are: every read stays within them or throws `MalformedSnapshot`. */
export class ByteSource {
  readonly #bytes: SlicingBuffer
  readonly #end: number
  position: number

  constructor(bytes: Uint8Array | ByteSource, start = 0, end = bytes.length) {
    this.#bytes =
      bytes instanceof ByteSource
        ? bytes.#bytes
        : (toBuffer(bufferOf(bytes), offsetOf(bytes), bytes.length) as SlicingBuffer)
    this.position = start
    this.#end = end
  }

  /** Of all bytes, where reading began and ended aside. */
  get length(): number {
    return this.#bytes.length
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end
  }

  get remaining(): number {
    return this.#end - this.position
  }

  byte(): number {
    if (this.position >= this.#end) throw malformed('it ends early')
    return this.#bytes[this.position++] as number
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 7; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    throw malformed('a number is too long')
  }

  uint32(): number {
    let value = 0
    for (let index = 0; index < 4; index++) value = value * 256 + this.byte()
    return value
  }

  double(): number {
    const start = this.#take(8)
    const bytes = this.#bytes
    for (let index = 0; index < 8; index++) doubleBytes[index] = bytes[start + index] as number
    return double[0] as number
  }

  integer(): number {
    const value = this.varint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  bigint(): bigint {
    const text = this.text()
    if (!matches(hexadecimal, text)) throw malformed('a BigInt is no number')
    return text[0] === '-' ? -toBigInt(`0x${text.slice(1)}`) : toBigInt(`0x${text}`)
  }

  text(): string {
    const tag = this.byte()
    const text = this.textOf(tag)
    if (text === undefined) throw malformed('a text is missing')
    return text
  }

  skipText(): void {
    if (!this.skipTextOf(this.byte())) throw malformed('a text is missing')
  }

  /** Says whether the tag, which was read, is that of a text. */
  skipTextOf(tag: number): boolean {
    const length = this.#lengthOf(tag)
    if (length !== undefined) this.#take(length)
    return length !== undefined
  }

  #lengthOf(tag: number): number | undefined {
    if (tag === valueTag.shortText) return this.byte()
    return tag === valueTag.text || tag === valueTag.utf16 ? this.uint32() : undefined
  }

  /** A text whose tag was read, or undefined when the tag is of something else. */
  textOf(tag: number): string | undefined {
    const length = this.#lengthOf(tag)
    if (length === undefined) return undefined
    const start = this.#take(length)
    if (tag === valueTag.shortText) return sliceLatin1(this.#bytes, start, start + length)
    return (tag === valueTag.text ? sliceUtf8 : sliceUtf16)(this.#bytes, start, start + length)
  }

  /** A copy. */
  binary(): Uint8Array {
    const length = this.varint()
    const start = this.#take(length)
    const copy = new NativeUint8Array(length)
    setBytes(copy, new NativeUint8Array(bufferOf(this.#bytes), offsetOf(this.#bytes) + start, length))
    return copy
  }

  /** Passes over so many bytes and tells where they start. */
  skip(length: number): number {
    return this.#take(length)
  }

  #take(length: number): number {
    const start = this.position
    if (length > this.#end - start) throw malformed('it ends early')
    this.position = start + length
    return start
  }
}
