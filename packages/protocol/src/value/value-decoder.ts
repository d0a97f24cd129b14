import { valueContainers } from '../limits.ts'
import { ByteReader, malformed } from './byte-reader.ts'
import { reviveSpecial } from './revive-special.ts'
import { setProperty } from './set-property.ts'

/** Reads one value and remembers its objects in the order in which they began, which is what references count. */
export class ValueDecoder {
  readonly reader: ByteReader
  readonly #objects: object[] = []
  #depthLeft: number

  constructor(bytes: Uint8Array, depth: number) {
    this.reader = new ByteReader(bytes)
    // a special value at the last level holds texts and numbers of its own
    this.#depthLeft = depth + 2
  }

  read(): unknown {
    const { reader } = this
    const token = reader.byte()
    if (token < 0x80) return token
    if (token >= 0xe0) return token - 0x100
    if (token < 0x90) return this.#map(token & 0x0f)
    if (token < 0xa0) return this.#array(token & 0x0f)
    const text = reader.text(token)
    return text === undefined ? this.#other(token) : text
  }

  /** Remembers an object; called before anything in it is read. */
  begin<T extends object>(value: T): T {
    if (this.#objects.length >= valueContainers) throw malformed(`more than ${valueContainers} objects`)
    this.#objects.push(value)
    return value
  }

  referenced(index: number): object {
    const value = this.#objects[index]
    if (value === undefined) throw malformed('a reference leads nowhere')
    return value
  }

  /** Runs `read` one level deeper. */
  nested(read: () => void): void {
    this.#enter()
    read()
    this.#depthLeft++
  }

  /** The item count of an array that must follow. */
  arrayHeader(): number {
    const token = this.reader.byte()
    if (token >= 0x90 && token < 0xa0) return this.#count(token & 0x0f, 1)
    if (token === 0xdc) return this.#count(this.reader.uint(2), 1)
    if (token === 0xdd) return this.#count(this.reader.uint(4), 1)
    throw malformed('an array is missing')
  }

  /** The entry count of a map that must follow. */
  mapHeader(): number {
    const token = this.reader.byte()
    if (token >= 0x80 && token < 0x90) return this.#count(token & 0x0f, 2)
    if (token === 0xde) return this.#count(this.reader.uint(2), 2)
    if (token === 0xdf) return this.#count(this.reader.uint(4), 2)
    throw malformed('a map is missing')
  }

  text(): string {
    const value = this.#scalar()
    if (typeof value !== 'string') throw malformed('a text is missing')
    return value
  }

  number(): number {
    const value = this.#scalar()
    if (typeof value !== 'number') throw malformed('a number is missing')
    return value
  }

  /** Reads `count` properties into `target`. */
  properties(target: object, count: number): void {
    for (let index = 0; index < count; index++) {
      const key = this.#key()
      setProperty(target, key, this.read())
    }
  }

  /** A hostile special value inside a special value must not recurse without end. */
  #scalar(): unknown {
    this.#enter()
    const value = this.read()
    this.#depthLeft++
    return value
  }

  #enter(): void {
    if (--this.#depthLeft < 0) throw malformed('it is nested too deeply')
  }

  #count(count: number, width: 1 | 2): number {
    if (count * width > this.reader.remaining) throw malformed('it ends early')
    return count
  }

  #key(): string {
    const key = this.reader.text(this.reader.byte())
    // the rare key with a lone surrogate is a special value
    if (key !== undefined) return key
    this.reader.position--
    return this.text()
  }

  #array(count: number): unknown[] {
    this.#count(count, 1)
    const items = this.begin<unknown[]>([])
    this.#enter()
    // pushed, not preallocated: memory grows with what was really read
    for (let index = 0; index < count; index++) items.push(this.read())
    this.#depthLeft++
    return items
  }

  #map(count: number): unknown {
    this.#count(count, 2)
    if (count === 0) return this.begin({})
    const first = this.#key()
    if (first === '$') return reviveSpecial(this, count)
    const target = this.begin<Record<string, unknown>>({})
    this.#enter()
    setProperty(target, first, this.read())
    this.properties(target, count - 1)
    this.#depthLeft++
    return target
  }

  #other(token: number): unknown {
    const { reader } = this
    switch (token) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.begin(reader.binary(reader.uint(1)))
      case 0xc5:
        return this.begin(reader.binary(reader.uint(2)))
      case 0xc6:
        return this.begin(reader.binary(reader.uint(4)))
      case 0xcb:
        return reader.double()
      case 0xcd:
        return reader.uint(2)
      case 0xce:
        return reader.uint(4)
      case 0xd2:
        return reader.uint(4) | 0
      case 0xd3:
        return reader.int64()
      case 0xdc:
        return this.#array(reader.uint(2))
      case 0xdd:
        return this.#array(reader.uint(4))
      case 0xde:
        return this.#map(reader.uint(2))
      case 0xdf:
        return this.#map(reader.uint(4))
      default:
        throw malformed(`the byte 0x${token.toString(16)} opens nothing`)
    }
  }
}
