import type { SkipReason } from '@capsule/protocol'
import {
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  is,
  isArray,
  ownKeys,
} from '../primordials.ts'
import * as natives from '../snapshot/natives.ts'

const { setPrototypeOf } = Reflect
const bytesOf = (buffer: ArrayBuffer): Uint8Array => new Uint8Array(buffer)

/** What one object was, one level deep. */
export interface SavedObject {
  /** Puts it back; says whether anything had changed, or why it cannot be put back. */
  putBack(): 'unchanged' | 'restored' | SkipReason
}

/** Undefined: nothing of it can change. */
export function saveObject(value: object): SavedObject | undefined {
  if (isArray(value)) return new SavedProperties(value)
  if (natives.isMap(value)) return new SavedProperties(value, new SavedMap(value))
  if (natives.isSet(value)) return new SavedProperties(value, new SavedSet(value))
  if (natives.isDate(value)) return new SavedProperties(value, new SavedDate(value))
  if (natives.isAnyArrayBuffer(value)) return new SavedBuffer(value as ArrayBuffer)
  if (natives.isTypedArray(value) || natives.isDataView(value)) return undefined
  return natives.isFrozen(value) ? undefined : new SavedProperties(value)
}

/** Properties and prototype, and what is inside of the object. */
class SavedProperties implements SavedObject {
  readonly #value: object
  readonly #inside: SavedObject | undefined
  readonly #prototype: object | null
  readonly #isExtensible: boolean
  readonly #keys: readonly PropertyKey[]
  readonly #descriptors: readonly PropertyDescriptor[]

  constructor(value: object, inside?: SavedObject) {
    this.#value = value
    this.#inside = inside
    this.#prototype = getPrototypeOf(value)
    this.#isExtensible = natives.isExtensible(value)
    this.#keys = ownKeys(value)
    this.#descriptors = this.#keys.map((key) => getOwnPropertyDescriptor(value, key) as PropertyDescriptor)
  }

  putBack(): ReturnType<SavedObject['putBack']> {
    const inside = this.#inside?.putBack() ?? 'unchanged'
    const own = this.#putBackOwn()
    return own === 'unchanged' || inside === 'frozen' ? inside : own
  }

  #putBackOwn(): ReturnType<SavedObject['putBack']> {
    const value = this.#value
    if (!this.#hasChanged()) return 'unchanged'
    let isWhole = getPrototypeOf(value) === this.#prototype || setPrototypeOf(value, this.#prototype)
    const saved = new Set(this.#keys)
    for (const key of ownKeys(value)) if (!saved.has(key)) isWhole = deleteProperty(value, key) && isWhole
    for (const [index, key] of this.#keys.entries()) {
      const descriptor = this.#descriptors[index] as PropertyDescriptor
      if (!isSame(getOwnPropertyDescriptor(value, key), descriptor)) {
        isWhole = defineProperty(value, key, { __proto__: null, ...descriptor } as PropertyDescriptor) && isWhole
      }
    }
    return isWhole && natives.isExtensible(value) === this.#isExtensible ? 'restored' : 'frozen'
  }

  #hasChanged(): boolean {
    const value = this.#value
    const keys = ownKeys(value)
    if (keys.length !== this.#keys.length || getPrototypeOf(value) !== this.#prototype) return true
    if (natives.isExtensible(value) !== this.#isExtensible) return true
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as PropertyKey
      if (key !== this.#keys[index]) return true
      if (!isSame(getOwnPropertyDescriptor(value, key), this.#descriptors[index] as PropertyDescriptor)) return true
    }
    return false
  }
}

class SavedMap implements SavedObject {
  readonly #value: Map<unknown, unknown>
  readonly #entries: readonly (readonly [unknown, unknown])[]

  constructor(value: Map<unknown, unknown>) {
    this.#value = value
    this.#entries = entriesOf(value)
  }

  putBack(): 'unchanged' | 'restored' {
    const now = entriesOf(this.#value)
    const isUnchanged =
      now.length === this.#entries.length &&
      now.every(([key, item], index) => is(key, this.#entries[index]?.[0]) && is(item, this.#entries[index]?.[1]))
    if (isUnchanged) return 'unchanged'
    natives.clearMap(this.#value)
    for (const [key, item] of this.#entries) natives.setEntry(this.#value, key, item)
    return 'restored'
  }
}

class SavedSet implements SavedObject {
  readonly #value: Set<unknown>
  readonly #items: readonly unknown[]

  constructor(value: Set<unknown>) {
    this.#value = value
    this.#items = itemsOf(value)
  }

  putBack(): 'unchanged' | 'restored' {
    const now = itemsOf(this.#value)
    if (now.length === this.#items.length && now.every((item, index) => is(item, this.#items[index])))
      return 'unchanged'
    natives.clearSet(this.#value)
    for (const item of this.#items) natives.addItem(this.#value, item)
    return 'restored'
  }
}

class SavedDate implements SavedObject {
  readonly #value: Date
  readonly #time: number

  constructor(value: Date) {
    this.#value = value
    this.#time = natives.dateTime(value)
  }

  putBack(): 'unchanged' | 'restored' {
    if (is(natives.dateTime(this.#value), this.#time)) return 'unchanged'
    natives.setDateTime(this.#value, this.#time)
    return 'restored'
  }
}

class SavedBuffer implements SavedObject {
  readonly #value: ArrayBuffer
  readonly #bytes: Uint8Array

  constructor(value: ArrayBuffer) {
    this.#value = value
    this.#bytes = bytesOf(value).slice()
  }

  putBack(): ReturnType<SavedObject['putBack']> {
    if (natives.bufferBytes(this.#value) !== this.#bytes.length) {
      // transferred away, or a size that only a resizable one can have
      if (!natives.isResizable(this.#value)) return 'frozen'
      natives.resize(this.#value, this.#bytes.length)
    } else if (Buffer.compare(bytesOf(this.#value), this.#bytes) === 0) return 'unchanged'
    bytesOf(this.#value).set(this.#bytes)
    return 'restored'
  }
}

function entriesOf(map: Map<unknown, unknown>): (readonly [unknown, unknown])[] {
  const entries: (readonly [unknown, unknown])[] = []
  natives.forEachOfMap(map, (item, key) => entries.push([key, item]))
  return entries
}

function itemsOf(set: Set<unknown>): unknown[] {
  const items: unknown[] = []
  natives.forEachOfSet(set, (item) => items.push(item))
  return items
}

export function isSame(now: PropertyDescriptor | undefined, before: PropertyDescriptor): boolean {
  return (
    now !== undefined &&
    is(now.value, before.value) &&
    now.get === before.get &&
    now.set === before.set &&
    now.writable === before.writable &&
    now.enumerable === before.enumerable &&
    now.configurable === before.configurable
  )
}
