import { protocolErrors } from '../errors.ts'
import { allocate, byteLengthOf, charCodeAt, setBytes, subarray, writeUtf8 } from '../value/primordials.ts'
import { refusal } from './encodable.ts'

// taken at load: in a worker, cells share `globalThis` with the codec
const { isArray } = Array
const { getPrototypeOf, keys, prototype: objectPrototype } = Object
const { isFinite } = Number
const NativeUint8Array = Uint8Array

// Messages are written one after the other into a buffer of this size; a message that needs more gets its own.
const chunkBytes = 16 * 1024
// unit: bytes; the most that is held for the next message where memory is reused
const reusedBytes = 128 * 1024
// the longest text written character by character; above it the native writer is faster
const shortText = 64

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/**
 * Writes messages as MessagePack, each number and header in its shortest form, and refuses what `checkEncodable` refuses.
 * Properties that are `undefined` are left out.
 */
export class MessagePackWriter {
  #bytes: Buffer = allocate(0)
  /** Where the message begins. */
  #start = 0
  #position = 0
  #maxDepth = 0
  readonly #memory: 'keep' | 'reuse'

  /** `reuse`: what `write` returns holds until the next call only. */
  constructor(memory: 'keep' | 'reuse' = 'keep') {
    this.#memory = memory
  }

  /** @throws FRAME_TOO_DEEP, MESSAGE_NOT_ENCODABLE */
  write(message: object, maxDepth: number): Uint8Array {
    // also drops what a message left behind that was refused half-way
    this.#position = this.#start
    this.#maxDepth = maxDepth
    this.#object(message, 'the message', maxDepth)
    const payload = subarray(this.#bytes, this.#start, this.#position)
    const isReused = this.#memory === 'reuse'
    if (this.#bytes.length > (isReused ? reusedBytes : chunkBytes)) this.#bytes = allocate(0)
    if (isReused || this.#bytes.length === 0) this.#position = 0
    this.#start = this.#position
    return payload
  }

  #item(value: unknown, name: string | number, depthLeft: number): void {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        if (!isFinite(value)) throw refusal(name, `${value} is not a finite number`)
        return this.#number(value)
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2)
      case 'object':
        return value === null ? this.#byte(0xc0) : this.#object(value, name, depthLeft - 1)
      default:
        throw refusal(name, `it is of type ${typeof value}`)
    }
  }

  #object(value: object, name: string | number, depthLeft: number): void {
    if (value instanceof NativeUint8Array) return this.#binary(value)
    if (depthLeft === 0) throw protocolErrors.FRAME_TOO_DEEP({ depth: this.#maxDepth })
    if (isArray(value)) {
      this.#header(value.length, 0x90, 16, 0, 0xdc)
      for (let index = 0; index < value.length; index++) this.#item(value[index], index, depthLeft)
      return
    }
    const prototype: unknown = getPrototypeOf(value)
    if (prototype !== objectPrototype && prototype !== null) throw refusal(name, 'it is not a plain object')
    this.#map(value as Record<string, unknown>, depthLeft)
  }

  #map(value: Record<string, unknown>, depthLeft: number): void {
    const names = keys(value)
    let size = 0
    for (let index = 0; index < names.length; index++) if (value[names[index] as string] !== undefined) size++
    this.#header(size, 0x80, 16, 0, 0xde)
    for (let index = 0; index < names.length; index++) {
      const key = names[index] as string
      const item = value[key]
      if (item === undefined) continue
      this.#text(key)
      this.#item(item, key, depthLeft)
    }
  }

  #text(text: string): void {
    const { length } = text
    if (length < shortText) {
      this.#ensure(length + 2)
      if (this.#ascii(text, length)) return
    }
    const size = byteLengthOf(text)
    this.#header(size, 0xa0, 32, 0xd9, 0xda)
    this.#ensure(size)
    this.#position += writeUtf8(this.#bytes, text, this.#position, size)
  }

  /** `false`: it has other characters, and nothing counts as written. */
  #ascii(text: string, length: number): boolean {
    const bytes = this.#bytes
    let position = this.#position
    if (length < 32) bytes[position++] = 0xa0 | length
    else {
      bytes[position++] = 0xd9
      bytes[position++] = length
    }
    for (let index = 0; index < length; index++) {
      const code = charCodeAt(text, index)
      if (code >= 0x80) return false
      bytes[position++] = code
    }
    this.#position = position
    return true
  }

  #binary(from: Uint8Array): void {
    this.#header(from.length, 0, 0, 0xc4, 0xc5)
    this.#ensure(from.length)
    setBytes(this.#bytes, from, this.#position)
    this.#position += from.length
  }

  #number(value: number): void {
    // `>>>` and `>>` make -0 equal to 0, and so does JSON
    if (value >>> 0 === value) return this.#header(value, 0, 0x80, 0xcc, 0xcd)
    this.#ensure(9)
    const bytes = this.#bytes
    if (value >> 0 === value) {
      if (value >= -0x20) bytes[this.#position++] = value
      else if (value >= -0x80) {
        bytes[this.#position++] = 0xd0
        bytes[this.#position++] = value
      } else if (value >= -0x8000) this.#uint16(0xd1, value)
      else this.#uint32(0xd2, value)
      return
    }
    double[0] = value
    bytes[this.#position++] = 0xcb
    for (let index = 7; index >= 0; index--) bytes[this.#position++] = doubleBytes[index] as number
  }

  /** A count: within the token below `fixLimit`, else in one byte (where there is such a token), two or four. */
  #header(count: number, fixToken: number, fixLimit: number, byteToken: number, wideToken: number): void {
    this.#ensure(5)
    if (count < fixLimit) this.#bytes[this.#position++] = fixToken | count
    else if (count < 0x100 && byteToken !== 0) {
      this.#bytes[this.#position++] = byteToken
      this.#bytes[this.#position++] = count
    } else if (count < 0x1_0000) this.#uint16(wideToken, count)
    else this.#uint32(wideToken + 1, count)
  }

  #byte(byte: number): void {
    this.#ensure(1)
    this.#bytes[this.#position++] = byte
  }

  #uint16(token: number, value: number): void {
    this.#bytes[this.#position++] = token
    this.#bytes[this.#position++] = value >> 8
    this.#bytes[this.#position++] = value
  }

  #uint32(token: number, value: number): void {
    this.#uint16(token, value >>> 16)
    this.#bytes[this.#position++] = value >> 8
    this.#bytes[this.#position++] = value
  }

  #ensure(size: number): void {
    if (this.#position + size <= this.#bytes.length) return
    const written = this.#position - this.#start
    const wanted = written + size
    // room for more of the same message, and an exact fit for its one large text
    const larger = allocate(wanted <= chunkBytes / 2 ? chunkBytes : wanted + (written > size ? wanted : 1024))
    setBytes(larger, subarray(this.#bytes, this.#start, this.#position), 0)
    this.#bytes = larger
    this.#start = 0
    this.#position = written
  }
}
