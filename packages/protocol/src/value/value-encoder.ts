import { valueContainers, valueDepthCap } from '../limits.ts'
import { ByteWriter } from './byte-writer.ts'
import { classify, type ObjectKind } from './classify.ts'
import { describeFunction, describeObject, describeThrown } from './describe.ts'
import { writeBytes, writeDate, writeError, writeMap, writeRegExp, writeSet } from './encode-special.ts'
import {
  asInt64,
  bigIntText,
  hasOwn,
  makeBytes,
  ownKeys,
  SafeMap,
  sliceText,
  subarray,
  symbolText,
  toNumber,
  unbox,
  writeFitting,
} from './primordials.ts'

// kept free for what opens a level or a special value
const headerBytes = 40
// kept free on each open level for the entry that says what was cut
const markerBytes = 64

/** What can throw is read before anything is written. */
interface Prepared {
  readonly keys: readonly string[]
  readonly length: number
  readonly isSparse: boolean
}

const noKeys: readonly string[] = []

type ContainerKind = Exclude<ObjectKind, 'boxed' | 'opaque' | 'date' | 'regexp' | 'bytes'>

/** Walks one value and writes it. Every method that answers `false` had no room and wrote nothing. */
export class ValueEncoder {
  readonly writer = new ByteWriter()
  truncated = false
  readonly #seen = new SafeMap<object, number>()
  #depthLeft: number
  // the end of what may be used now: the budget less what the open levels keep for their markers
  #limit: number

  constructor({ bytes, depth }: { bytes: number; depth: number }) {
    this.#limit = bytes
    this.#depthLeft = depth < valueDepthCap ? depth : valueDepthCap
  }

  write(value: unknown): boolean {
    switch (typeof value) {
      case 'string':
        return this.text(value)
      case 'object':
        return value === null ? this.#token(0xc0) : this.#object(value)
      case 'number':
        return this.number(value)
      case 'boolean':
        return this.#token(value ? 0xc3 : 0xc2)
      case 'undefined':
        return this.tag('undefined', 1)
      case 'bigint':
        return this.#bigInt(value)
      case 'symbol':
        return this.placeholder(symbolText(value))
      case 'function':
        return this.placeholder(describeFunction(value))
    }
  }

  get room(): number {
    return this.#limit - this.writer.position
  }

  number(value: number): boolean {
    if (this.room < 9) return false
    this.writer.number(value)
    return true
  }

  /** Text, cut where the budget ends. */
  text(text: string): boolean {
    const { room } = this
    if (this.writer.text(text, room)) return true
    this.truncated = true
    // too little for a useful part: the container says that entries are missing
    if (room < 128) return false
    const read = writeFitting(text, new makeBytes(room - 96))
    const part = `${sliceText(text, 0, read)}… ${text.length - read} more characters`
    return this.writer.text(part, room) || this.placeholder(`[String(${text.length})]`)
  }

  /** Text that stands for what does not survive. */
  placeholder(text: string): boolean {
    this.truncated = true
    return this.writer.text(text, this.room)
  }

  /** Text out of the level's own reserve. */
  forced(text: string): void {
    this.truncated = true
    this.writer.text(text, markerBytes)
  }

  binary(bytes: Uint8Array): boolean {
    const room = this.room - 5
    if (bytes.length <= room) this.writer.binary(bytes)
    else if (room < markerBytes) return false
    else {
      this.truncated = true
      // whole elements of every typed array
      this.writer.binary(subarray(bytes, 0, room - (room % 8)))
    }
    return true
  }

  /** Opens `{ $: name, v: ... }`, or with one entry writes `{ $: name }`. */
  tag(name: string, entries: 1 | 2 = 2): boolean {
    if (this.room < headerBytes) return false
    const { writer } = this
    writer.byte(0x80 | entries)
    writer.text('$', headerBytes)
    writer.text(name, headerBytes)
    if (entries === 2) writer.text('v', headerBytes)
    return true
  }

  /** Reads and writes a property; what reading throws is written as text instead. */
  property(holder: object, key: string | number): boolean {
    let value: unknown
    try {
      value = (holder as Record<string | number, unknown>)[key]
    } catch (error) {
      return this.placeholder(describeThrown(error))
    }
    return this.write(value)
  }

  /**
   * Writes entries of `width` items until `each` has no room; then the marker, for which room was kept, says how many
   * are missing.
   */
  array(count: number, width: 1 | 2, each: (index: number) => boolean): void {
    const start = this.writer.open(0x90, count * width)
    for (let index = 0; index < count; index++) {
      if (each(index)) continue
      if (width === 2) this.forced('…')
      this.forced(`… ${count - index} more items`)
      this.writer.close(start, (index + 1) * width)
      return
    }
  }

  record(holder: object, keys: readonly string[]): void {
    const start = this.writer.open(0x80, keys.length)
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string
      const before = this.writer.position
      if (this.writer.text(key, this.room) && this.property(holder, key)) continue
      this.writer.position = before
      this.forced('…')
      this.forced(`${keys.length - index} more properties`)
      this.writer.close(start, index + 1)
      return
    }
  }

  #token(token: number): boolean {
    if (this.room < 1) return false
    this.writer.byte(token)
    return true
  }

  #bigInt(value: bigint): boolean {
    if (asInt64(value) === value) {
      if (this.room < 9) return false
      this.writer.int64(value)
      return true
    }
    // hexadecimal: other radixes take more than linear time to read back
    const text = bigIntText(value, 16)
    if (text.length + headerBytes > this.room) return this.placeholder(`[BigInt of ${text.length} hexadecimal digits]`)
    this.tag('bigint')
    return this.writer.text(text, this.room)
  }

  #object(value: object): boolean {
    const index = this.#seen.get(value)
    if (index !== undefined) {
      if (!this.tag('ref')) return false
      this.writer.number(index)
      return true
    }
    let kind: ObjectKind
    let keys = noKeys
    let length = 0
    let isSparse = false
    try {
      kind = classify(value)
      if (kind === 'record' || kind === 'error') keys = ownKeys(value)
      else if (kind === 'array') {
        length = (value as unknown[]).length
        isSparse = hasHole(value as unknown[], length)
      }
    } catch (error) {
      return this.placeholder(describeThrown(error))
    }
    switch (kind) {
      case 'boxed':
        return this.write(unbox(value))
      case 'opaque':
        return this.placeholder(describeObject(value))
      case 'date':
      case 'regexp':
      case 'bytes':
        return this.#leaf(value, kind)
      default:
        return this.#container(value, kind, { keys, length, isSparse })
    }
  }

  #leaf(value: object, kind: 'date' | 'regexp' | 'bytes'): boolean {
    const write = kind === 'date' ? writeDate : kind === 'regexp' ? writeRegExp : writeBytes
    if (this.#seen.size >= valueContainers || !write(this, value)) return false
    this.#seen.set(value, this.#seen.size)
    return true
  }

  #container(value: object, kind: ContainerKind, { keys, length, isSparse }: Prepared): boolean {
    const isFull = this.#seen.size >= valueContainers || this.room < 2 * headerBytes + markerBytes
    if (isFull || this.#depthLeft === 0) return this.placeholder(describeObject(value))
    this.#seen.set(value, this.#seen.size)
    this.#depthLeft--
    this.#limit -= markerBytes
    switch (kind) {
      case 'record':
        if (isMarked(keys)) this.tag('object')
        this.record(value, keys)
        break
      case 'array':
        if (isSparse) this.#sparse(value, length)
        else this.#items(value as unknown[], length)
        break
      case 'map':
        writeMap(this, value as Map<unknown, unknown>)
        break
      case 'set':
        writeSet(this, value as Set<unknown>)
        break
      case 'error':
        writeError(this, value, keys)
    }
    this.#limit += markerBytes
    this.#depthLeft++
    return true
  }

  /** As `array`, without a function for each: most arrays are small. */
  #items(items: readonly unknown[], length: number): void {
    const start = this.writer.open(0x90, length)
    for (let index = 0; index < length; index++) {
      if (this.property(items, index)) continue
      this.forced(`… ${length - index} more items`)
      this.writer.close(start, index + 1)
      return
    }
  }

  /** `{ $: 'sparse', v: [length, [index, item, ...]] }` */
  #sparse(value: object, length: number): void {
    const indexes = ownKeys(value)
    let count = 0
    // index keys come first and in order
    while (count < indexes.length && isIndex(indexes[count] as string)) count++
    this.tag('sparse')
    this.writer.byte(0x92)
    this.writer.number(length)
    this.array(count, 2, (at) => {
      const index = indexes[at] as string
      const before = this.writer.position
      if (this.number(toNumber(index)) && this.property(value, index)) return true
      this.writer.position = before
      return false
    })
  }
}

function hasHole(items: readonly unknown[], length: number): boolean {
  for (let index = 0; index < length; index++) if (items[index] === undefined && !hasOwn(items, index)) return true
  return false
}

/** It has the key that marks special values, and must not be taken for one. */
function isMarked(keys: readonly string[]): boolean {
  for (let index = 0; index < keys.length; index++) if (keys[index] === '$') return true
  return false
}

function isIndex(key: string): boolean {
  const index = toNumber(key)
  return index >= 0 && index < 2 ** 32 - 1 && `${index}` === key
}
