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
import { errorStack, setErrorStack } from '../snapshot/error-stack.ts'
import { extraKeys } from '../snapshot/extra-keys.ts'
import * as natives from '../snapshot/natives.ts'

const { setPrototypeOf } = Reflect
const NativeUint8Array = Uint8Array
const bytesOf = (buffer: ArrayBuffer): Uint8Array => new NativeUint8Array(buffer)
const compareBytes = Buffer.compare
const regExpPrototype = RegExp.prototype

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
  if (natives.isRegExp(value)) return new SavedProperties(value, new SavedRegExp(value))
  if (natives.isNativeError(value)) return new SavedProperties(value, new SavedStack(value))
  if (natives.isAnyArrayBuffer(value)) return new SavedProperties(value, new SavedBuffer(value as ArrayBuffer))
  // the elements are those of the buffer
  if (natives.isTypedArray(value)) return new SavedProperties(value, undefined, (each) => elementless(each))
  return natives.isFrozen(value) ? undefined : new SavedProperties(value)
}

function elementless(value: object): readonly PropertyKey[] {
  return extraKeys(value, natives.typedArrayLength(value))
}

/** Properties and prototype, and what is inside of the object. */
class SavedProperties implements SavedObject {
  readonly #value: object
  readonly #inside: SavedObject | undefined
  readonly #keysOf: (value: object) => readonly PropertyKey[]
  readonly #prototype: object | null
  readonly #isExtensible: boolean
  readonly #keys: readonly PropertyKey[]
  readonly #descriptors: readonly PropertyDescriptor[]

  constructor(value: object, inside?: SavedObject, keysOf: (value: object) => readonly PropertyKey[] = ownKeys) {
    this.#value = value
    this.#inside = inside
    this.#keysOf = keysOf
    this.#prototype = getPrototypeOf(value)
    this.#isExtensible = natives.isExtensible(value)
    this.#keys = keysOf(value)
    this.#descriptors = this.#keys.map((key) => getOwnPropertyDescriptor(value, key) as PropertyDescriptor)
  }

  putBack(): ReturnType<SavedObject['putBack']> {
    const own = this.#putBackOwn()
    // the properties first: a stack is one of them
    const inside = this.#inside?.putBack() ?? 'unchanged'
    return own === 'unchanged' || inside === 'frozen' ? inside : own
  }

  #putBackOwn(): ReturnType<SavedObject['putBack']> {
    const value = this.#value
    if (!this.#hasChanged()) return 'unchanged'
    if (getPrototypeOf(value) !== this.#prototype) setPrototypeOf(value, this.#prototype)
    const saved = new Set(this.#keys)
    for (const key of this.#keysOf(value)) if (!saved.has(key)) deleteProperty(value, key)
    // set again, a property that was deleted would stand last
    if (!this.#isInOrder()) for (const key of this.#keysOf(value)) deleteProperty(value, key)
    for (const [index, key] of this.#keys.entries()) {
      const descriptor = this.#descriptors[index] as PropertyDescriptor
      if (!isSame(getOwnPropertyDescriptor(value, key), descriptor)) {
        defineProperty(value, key, { __proto__: null, ...descriptor } as PropertyDescriptor)
      }
    }
    return this.#hasChanged() ? 'frozen' : 'restored'
  }

  #isInOrder(): boolean {
    const keys = this.#keysOf(this.#value)
    if (keys.length !== this.#keys.length) return false
    for (let index = 0; index < keys.length; index++) if (keys[index] !== this.#keys[index]) return false
    return true
  }

  #hasChanged(): boolean {
    const value = this.#value
    if (getPrototypeOf(value) !== this.#prototype || natives.isExtensible(value) !== this.#isExtensible) return true
    if (!this.#isInOrder()) return true
    for (let index = 0; index < this.#keys.length; index++) {
      const now = getOwnPropertyDescriptor(value, this.#keys[index] as PropertyKey)
      if (!isSame(now, this.#descriptors[index] as PropertyDescriptor)) return true
    }
    return false
  }
}

class SavedRegExp implements SavedObject {
  readonly #value: RegExp
  readonly #source: string
  readonly #flags: string
  readonly #lastIndex: unknown

  constructor(value: RegExp) {
    this.#value = value
    this.#source = natives.regExpSource(value)
    this.#flags = natives.regExpFlags(value)
    this.#lastIndex = natives.ownValue(value, 'lastIndex')
  }

  /** `RegExp.prototype.compile` changes it. */
  putBack(): ReturnType<SavedObject['putBack']> {
    const value = this.#value
    const isSameText = natives.regExpSource(value) === this.#source && natives.regExpFlags(value) === this.#flags
    if (isSameText) return 'unchanged'
    if (getPrototypeOf(value) !== regExpPrototype || natives.isFrozen(value)) return 'frozen'
    natives.compileRegExp(value, this.#source, this.#flags)
    value.lastIndex = this.#lastIndex as number
    return 'restored'
  }
}

class SavedStack implements SavedObject {
  readonly #value: object
  readonly #stack: ReturnType<typeof errorStack>

  constructor(value: object) {
    this.#value = value
    this.#stack = errorStack(value)
  }

  putBack(): 'unchanged' | 'restored' {
    if (typeof this.#stack !== 'string' || errorStack(this.#value) === this.#stack) return 'unchanged'
    setErrorStack(this.#value, this.#stack)
    return 'restored'
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
  readonly #bytes: Uint8Array | undefined

  constructor(value: ArrayBuffer) {
    this.#value = value
    this.#bytes = natives.isDetached(value) ? undefined : copyOf(value)
  }

  putBack(): ReturnType<SavedObject['putBack']> {
    const bytes = this.#bytes
    if (bytes === undefined) return 'unchanged'
    if (natives.isDetached(this.#value)) return 'frozen'
    if (natives.bufferBytes(this.#value) !== bytes.length) natives.resize(this.#value, bytes.length)
    else if (compareBytes(bytesOf(this.#value), bytes) === 0) return 'unchanged'
    bytesOf(this.#value).set(bytes)
    return 'restored'
  }
}

function copyOf(buffer: ArrayBuffer): Uint8Array {
  const copy = new NativeUint8Array(natives.bufferBytes(buffer))
  copy.set(bytesOf(buffer))
  return copy
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
