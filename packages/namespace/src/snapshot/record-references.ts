import { ByteSource, malformed } from './byte-source.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { functionFlag, objectFlag, propertyFlag, recordKind, valueTag } from './value-tags.ts'

/** Passes over one value and tells the record it refers to, or -1. */
export function skipValue(source: ByteSource, recordCount: number): number {
  const tag = source.byte()
  switch (tag) {
    case valueTag.undefined:
    case valueTag.null:
    case valueTag.true:
    case valueTag.false:
    case valueTag.hole:
      return -1
    case valueTag.integer:
      source.varint()
      return -1
    case valueTag.double:
      source.skip(8)
      return -1
    case valueTag.bigint:
      source.skipText()
      return -1
    case valueTag.record: {
      const id = source.varint()
      if (id >= recordCount) throw malformed('a reference leads nowhere')
      return id
    }
    default:
      if (!source.skipTextOf(tag)) throw malformed('a value is of no known kind')
      return -1
  }
}

/** Whether the records of this kind begin with flags and a prototype. */
export function hasHead(kind: number): boolean {
  return kind <= recordKind.view || kind === recordKind.boxed || kind === recordKind.prototype
}

/** The records that one record refers to. Passes over all of it, so it also tells whether the record is whole. */
export function referencesOf(snapshot: ReadSnapshot, id: number): number[] {
  const walk = new RecordWalk(snapshot, id)
  walk.run()
  return walk.references
}

class RecordWalk {
  readonly references: number[] = []
  readonly #snapshot: ReadSnapshot
  readonly #kind: number
  readonly #source: ByteSource

  constructor(snapshot: ReadSnapshot, id: number) {
    this.#snapshot = snapshot
    this.#kind = snapshot.kinds[id] as number
    this.#source = new ByteSource(snapshot.source, snapshot.starts[id], snapshot.ends[id])
  }

  run(): void {
    const source = this.#source
    if (this.#kind === recordKind.function) this.#function()
    else if (hasHead(this.#kind)) this.#withHead()
    else this.#withoutHead()
    if (!source.isAtEnd) throw malformed('a record is longer than it says')
  }

  #function(): void {
    const source = this.#source
    if (this.#snapshot.index.sources[source.varint()] === undefined)
      throw malformed('the source of a function is missing')
    const flags = source.byte()
    if (flags & functionFlag.name) source.skipText()
    if (flags & functionFlag.parent) this.#value()
    if (flags & functionFlag.prototype) this.#value()
    if (flags & functionFlag.properties) this.#described()
    if (flags & functionFlag.exact) this.#keys()
  }

  #withoutHead(): void {
    const source = this.#source
    switch (this.#kind) {
      case recordKind.ownBytes:
        source.skip(source.varint())
        return
      case recordKind.symbol:
        source.byte()
        return this.#value()
      case recordKind.module:
        if (this.#snapshot.index.modules[source.varint()] === undefined) throw malformed('a module is missing')
        return
      case recordKind.member:
        this.#value()
        source.byte()
        return this.#value()
      default:
        // a path or a URL
        source.skipText()
    }
  }

  #withHead(): void {
    const source = this.#source
    const { shapes } = this.#snapshot.index
    if (this.#kind === recordKind.prototype) this.#value()
    const flags = source.byte()
    if (flags & objectFlag.prototype) this.#value()
    switch (this.#kind) {
      case recordKind.object: {
        if (flags & objectFlag.described) return this.#described()
        const shape = shapes[source.varint()]
        if (shape === undefined) throw malformed('a shape is missing')
        for (const key of shape) this.#key(key)
        return this.#values(shape.length)
      }
      case recordKind.array: {
        const length = source.varint()
        if (!(flags & objectFlag.sparse)) this.#values(length)
        if (flags & (objectFlag.described | objectFlag.sparse)) this.#described()
        return
      }
      case recordKind.view:
        source.byte()
        this.#value()
        source.varint()
        source.varint()
        return
      case recordKind.map:
        this.#values(source.varint() * 2)
        break
      case recordKind.set:
        this.#values(source.varint())
        break
      case recordKind.regexp:
        source.skipText()
        source.skipText()
        this.#value()
        break
      case recordKind.error:
        source.byte()
        this.#value()
        break
      case recordKind.arrayBuffer:
        source.varint()
        source.skip(source.varint())
        break
      case recordKind.date:
      case recordKind.boxed:
        this.#value()
    }
    this.#described()
    if (flags & objectFlag.exact) this.#keys()
  }

  #value(): void {
    const record = skipValue(this.#source, this.#snapshot.kinds.length)
    if (record >= 0) this.references.push(record)
  }

  #values(count: number): void {
    for (let left = count; left > 0; left--) this.#value()
  }

  #described(): void {
    for (let left = this.#source.varint(); left > 0; left--) {
      this.#key(this.#source.varint())
      if (this.#source.byte() & propertyFlag.accessor) this.#value()
      this.#value()
    }
  }

  #keys(): void {
    for (let left = this.#source.varint(); left > 0; left--) this.#key(this.#source.varint())
  }

  #key(id: number): void {
    const key = this.#snapshot.index.keys[id]
    if (key === undefined) throw malformed('a key is missing')
    if (typeof key === 'number') this.references.push(key)
  }
}
