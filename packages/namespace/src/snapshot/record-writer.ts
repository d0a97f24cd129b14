/* oxlint-disable max-lines -- each kind of object in one place, in the order of `value-tags.ts` */
import { getOwnPropertyDescriptor, getPrototypeOf, isArray, ownKeys } from '../primordials.ts'
import type { ByteSink } from './byte-sink.ts'
import { ClassMembers } from './class-members.ts'
import { errorStack, isNativeStack } from './error-stack.ts'
import { extraKeys } from './extra-keys.ts'
import type { FunctionSources } from './function-sources.ts'
import {
  functionProblem,
  hasUsualConstructor,
  isTold,
  isUsual,
  ownOverrides,
  unknownFunction,
} from './function-state.ts'
import type { ModuleExports } from './module-exports.ts'
import * as natives from './natives.ts'
import { type Key, type RecordTarget, Unportable } from './record-target.ts'
import { sourceEntryOf } from './source-entry.ts'
import { functionOf, opaqueProblem, type Problem, PrototypeChains, withArticle } from './unportable.ts'
import { errorBases, functionFlag, objectFlag, propertyFlag, recordKind, viewNames } from './value-tags.ts'
import { usualParent } from './usual-parent.ts'
import type { WellKnown } from './well-known.ts'

export interface RecordWriterOptions {
  readonly sources: FunctionSources
  readonly wellKnown: WellKnown
  readonly modules: ModuleExports
}

type Described = readonly [key: Key, descriptor: PropertyDescriptor]
type Kind = (typeof recordKind)[keyof typeof recordKind]

// cells may replace it
const { stringify } = JSON
const toBytes = Buffer.from.bind(Buffer) as (buffer: ArrayBufferLike, offset: number, length: number) => Buffer
const bufferPrototype = Buffer.prototype as object
/** Of the memory that small buffers share: not quite `Buffer.poolSize` in Node 26. */
const poolBytes = Buffer.from('pooled').buffer.byteLength
/** Holes in an array before it is written property by property: its length may be 2 ** 32 - 1. */
const holes = 1024
const plainAttributes = propertyFlag.writable | propertyFlag.enumerable | propertyFlag.configurable
const errorPrototypes = errorBases.map(
  (name) => (globalThis as unknown as Record<string, ErrorConstructor>)[name]?.prototype as object,
)
const symbolNames = new Map([...natives.wellKnownSymbols].map(([name, symbol]) => [symbol, name]))
const viewPrototypes = viewNames.map(
  (name) => (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name]?.prototype,
)
const prototypes = {
  Array: Array.prototype,
  ArrayBuffer: ArrayBuffer.prototype,
  Date: Date.prototype,
  Function: Function.prototype,
  Map: Map.prototype,
  Object: Object.prototype,
  RegExp: RegExp.prototype,
  Set: Set.prototype,
}
const toObject = Object
const urlPrototype = URL.prototype

/** Writes what one object, function or symbol is. What it refers to is left to the snapshot writer. */
export class RecordWriter {
  readonly #snapshot: RecordTarget
  readonly #sink: ByteSink
  readonly #options: RecordWriterOptions
  readonly #chains: PrototypeChains
  readonly #members = new ClassMembers()
  /** Buffers that were written without the pool they are in, and where they are in it. */
  readonly #pooled = new Map<ArrayBufferLike, { value: object; start: number; end: number }[]>()

  constructor(snapshot: RecordTarget, options: RecordWriterOptions) {
    this.#snapshot = snapshot
    this.#sink = snapshot.records
    this.#options = options
    this.#chains = new PrototypeChains(options)
  }

  /** @throws Unportable */
  write(value: object | symbol): Kind {
    if (typeof value === 'symbol') return this.#symbol(value)
    if (natives.isProxy(value)) return refuse({ reason: 'proxy', detail: 'a Proxy' })
    if (typeof value === 'function') return this.#function(value)
    return this.#reference(value) ?? this.#object(value)
  }

  /** What every process has, or gets by an import. */
  #reference(value: object): Kind | undefined {
    const path = this.#options.wellKnown.pathOf(value)
    if (path !== undefined) {
      this.#sink.text(stringify(path))
      return recordKind.wellKnown
    }
    const modulePath = this.#options.modules.pathOf(value)
    if (modulePath === undefined) return undefined
    this.#sink.varint(this.#snapshot.module(modulePath))
    return recordKind.module
  }

  #symbol(value: symbol): Kind {
    const sink = this.#sink
    const name = symbolNames.get(value)
    const registered = natives.keyFor(value)
    const text = name ?? registered ?? natives.symbolDescription(value)
    sink.byte(name !== undefined ? 2 : registered !== undefined ? 1 : 0)
    this.#snapshot.value(sink, text, '')
    return recordKind.symbol
  }

  #object(value: object): Kind {
    if (isArray(value)) return this.#array(value)
    const prototype = getPrototypeOf(value)
    if (prototype !== prototypes.Object) return this.#special(value)
    const keys = ownKeys(value) as Key[]
    return looksPlain(keys)
      ? (this.#prototypeOfCells(value, keys) ?? this.#record(value, prototype, keys))
      : this.#special(value)
  }

  #special(value: object): Kind {
    const problem = opaqueProblem(value)
    if (problem !== undefined) return refuse(problem)
    if (natives.isMap(value)) return this.#map(value)
    if (natives.isSet(value)) return this.#set(value)
    if (natives.isDate(value)) return this.#date(value)
    if (natives.isRegExp(value)) return this.#regExp(value)
    if (natives.isNativeError(value)) return this.#error(value)
    if (natives.isAnyArrayBuffer(value)) return this.#arrayBuffer(value as ArrayBuffer)
    if (natives.isTypedArray(value) || natives.isDataView(value)) return this.#view(value)
    if (natives.isBoxedPrimitive(value)) return this.#boxed(value)
    if (getPrototypeOf(value) === urlPrototype) return this.#url(value as URL)
    const keys = ownKeys(value) as Key[]
    return (
      this.#prototypeOfCells(value, keys) ?? this.#record(value, this.#checkedPrototype(value, prototypes.Object), keys)
    )
  }

  #prototypeOfCells(value: object, keys: readonly Key[]): Kind | undefined {
    const owner = keys.includes('constructor') ? functionOf(value) : undefined
    return owner !== undefined && this.#isCellFunction(owner) ? this.#prototype(value, owner) : undefined
  }

  #record(value: object, prototype: object | null, keys: readonly Key[]): Kind {
    const sink = this.#sink
    const start = sink.position
    const integrity = integrityOf(value)
    const attributes = attributesOf(integrity)
    this.#head(integrity * objectFlag.integrity, prototype, prototypes.Object)
    sink.varint(this.#snapshot.shape(keys))
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as Key
      const descriptor = getOwnPropertyDescriptor(value, key) as PropertyDescriptor
      if (flagsOf(descriptor) !== attributes) return this.#describedRecord(value, prototype, keys, start)
      this.#snapshot.value(sink, descriptor.value, key)
    }
    return recordKind.object
  }

  /** Property by property: not all are as an assignment, and then sealing or freezing, makes them. */
  #describedRecord(value: object, prototype: object | null, keys: readonly Key[], start: number): Kind {
    this.#sink.position = start
    this.#head(objectFlag.described | (integrityOf(value) * objectFlag.integrity), prototype, prototypes.Object)
    this.#described(describe(value, keys))
    return recordKind.object
  }

  #array(value: readonly unknown[]): Kind {
    const prototype = this.#checkedPrototype(value, prototypes.Array)
    const { length } = value
    const integrity = integrityOf(value)
    if (integrity < 3 && getOwnPropertyDescriptor(value, 'length')?.writable !== true) {
      return refuse({ reason: 'native-object', detail: 'an array with a fixed length' })
    }
    const sink = this.#sink
    const start = sink.position
    const extras = extraKeys(value, length)
    const flags = (extras.length > 0 ? objectFlag.described : 0) | (integrity * objectFlag.integrity)
    this.#head(flags, prototype, prototypes.Array)
    sink.varint(length)
    const attributes = attributesOf(integrity)
    let missing = 0
    for (let index = 0; index < length; index++) {
      const descriptor = getOwnPropertyDescriptor(value, index)
      if (descriptor === undefined) {
        if (++missing > holes && missing * 2 > index) return this.#sparseArray(value, start)
        sink.hole()
      } else if (flagsOf(descriptor) !== attributes) return this.#sparseArray(value, start)
      else this.#value(descriptor.value, index)
    }
    if (extras.length > 0) this.#described(describe(value, extras))
    return recordKind.array
  }

  /** Property by property: few elements for its length, or some that are not as an assignment makes them. */
  #sparseArray(value: readonly unknown[], start: number): Kind {
    this.#sink.position = start
    this.#head(objectFlag.sparse | (integrityOf(value) * objectFlag.integrity), getPrototypeOf(value), prototypes.Array)
    this.#sink.varint(value.length)
    return this.#rest(value, recordKind.array, ['length'])
  }

  #map(value: Map<unknown, unknown>): Kind {
    this.#headOf(value, prototypes.Map)
    this.#sink.varint(natives.mapSize(value))
    natives.forEachOfMap(value, (item, key) => {
      this.#value(key, 'a key')
      this.#value(item, typeof key === 'string' ? key : 'a value')
    })
    return this.#rest(value, recordKind.map)
  }

  #set(value: Set<unknown>): Kind {
    this.#headOf(value, prototypes.Set)
    this.#sink.varint(natives.setSize(value))
    let index = 0
    natives.forEachOfSet(value, (item) => this.#value(item, index++))
    return this.#rest(value, recordKind.set)
  }

  #date(value: Date): Kind {
    this.#headOf(value, prototypes.Date)
    this.#sink.number(natives.dateTime(value))
    return this.#rest(value, recordKind.date)
  }

  #regExp(value: RegExp): Kind {
    this.#headOf(value, prototypes.RegExp)
    this.#sink.text(natives.regExpSource(value))
    this.#sink.text(natives.regExpFlags(value))
    const lastIndex = getOwnPropertyDescriptor(value, 'lastIndex')
    if (lastIndex?.writable !== true && !natives.isFrozen(value)) {
      return refuse({ reason: 'native-object', detail: 'a RegExp with a fixed lastIndex' })
    }
    this.#value(lastIndex?.value, 'lastIndex')
    return this.#rest(value, recordKind.regexp, ['lastIndex'])
  }

  #error(value: Error): Kind {
    const base = errorBaseOf(value)
    this.#headOf(value, errorPrototypes[base] as object)
    this.#sink.byte(base)
    const stack = errorStack(value)
    if (typeof stack === 'object') return refuse(stack)
    this.#value(stack, 'stack')
    return this.#rest(value, recordKind.error, isNativeStack(getOwnPropertyDescriptor(value, 'stack')) ? ['stack'] : [])
  }

  #arrayBuffer(value: ArrayBuffer): Kind {
    if (natives.isDetached(value)) return refuse({ reason: 'native-object', detail: 'a detached ArrayBuffer' })
    if (this.#pooledIn(value).length > 0) return refuse(sharedPool)
    this.#headOf(value, prototypes.ArrayBuffer)
    const isResizable = natives.isResizable(value)
    this.#sink.varint(isResizable ? natives.bufferLimit(value) + 1 : 0)
    this.#sink.binary(toBytes(value, 0, natives.bufferBytes(value)))
    return this.#rest(value, recordKind.arrayBuffer)
  }

  #view(value: object): Kind {
    const isDataView = natives.isDataView(value)
    const name = isDataView ? 'DataView' : natives.typedArrayName(value)
    const index = (viewNames as readonly string[]).indexOf(name)
    const base = viewPrototypes[index]
    if (index < 0 || base === undefined) return refuse({ reason: 'native-object', detail: withArticle(name) })
    const buffer = isDataView ? natives.dataViewBuffer(value) : natives.typedArrayBuffer(value)
    const problem = bufferProblem(buffer)
    if (problem !== undefined) return refuse(problem)
    const offset = isDataView ? natives.dataViewOffset(value) : natives.typedArrayOffset(value)
    const bytes = isDataView ? natives.dataViewBytes(value) : natives.typedArrayBytes(value)
    const prototype = getPrototypeOf(value)
    const isNodeBuffer = prototype === bufferPrototype
    this.#checkedPrototype(value, isNodeBuffer ? bufferPrototype : base)
    const extras = isDataView ? (ownKeys(value) as Key[]) : extraKeys(value, natives.typedArrayLength(value))
    if (extras.length > 0)
      return refuse({ reason: 'native-object', detail: `${withArticle(name)} with further properties` })
    const integrity = integrityOf(value)
    if (this.#isPooled(buffer as ArrayBuffer, bytes)) {
      if (!isNodeBuffer || integrity > 0) return refuse(sharedPool)
      this.#notePooled(value, buffer, offset, offset + bytes)
      this.#sink.binary(toBytes(buffer, offset, bytes))
      return recordKind.ownBytes
    }
    this.#head(integrity * objectFlag.integrity, prototype, base)
    this.#sink.byte(index)
    this.#value(buffer, 'buffer')
    this.#sink.varint(offset)
    this.#sink.varint(isDataView ? bytes : natives.typedArrayLength(value))
    return recordKind.view
  }

  /** A view of pooled memory would bring other buffers along. One that the snapshot has already is no pool. */
  #isPooled(buffer: ArrayBuffer, bytes: number): boolean {
    if (natives.isSharedArrayBuffer(buffer)) return false
    const size = natives.bufferBytes(buffer)
    return size === poolBytes && size !== bytes && this.#snapshot.idOf(buffer) === undefined
  }

  #notePooled(value: object, buffer: ArrayBufferLike, start: number, end: number): void {
    const known = this.#pooledIn(buffer)
    if (known.some((each) => start < each.end && each.start < end)) refuse(sharedPool)
    this.#pooled.set(buffer, [...known, { value, start, end }])
  }

  #pooledIn(buffer: ArrayBufferLike): { value: object; start: number; end: number }[] {
    // others were taken back
    return (this.#pooled.get(buffer) ?? []).filter(({ value }) => this.#snapshot.idOf(value) !== undefined)
  }

  #boxed(value: object): Kind {
    const primitive = natives.unbox(value)
    const base = getPrototypeOf(toObject(primitive)) as object
    this.#headOf(value, base)
    this.#value(primitive, 'value')
    const keys = (ownKeys(value) as Key[]).slice(typeof primitive === 'string' ? primitive.length : 0)
    this.#described(describe(value, typeof primitive === 'string' ? keys.filter((key) => key !== 'length') : keys))
    return recordKind.boxed
  }

  #url(value: URL): Kind {
    let text: string
    try {
      text = natives.urlText(value)
    } catch {
      return refuse({ reason: 'native-object', detail: 'a URL' })
    }
    if (ownKeys(value).length > 0 || !natives.isExtensible(value)) {
      return refuse({ reason: 'native-object', detail: 'a URL with further properties' })
    }
    this.#sink.text(text)
    return recordKind.url
  }

  #function(value: Function): Kind {
    const member = this.#members.find(value)
    if (member !== undefined) {
      this.#value(member.owner, 'its class')
      this.#sink.byte((member.isStatic ? 1 : 0) | (member.which << 1))
      this.#value(member.key, '')
      return recordKind.member
    }
    const modulePath = this.#options.modules.pathOf(value)
    const facts = modulePath === undefined ? this.#options.sources.find(natives.functionText(value)) : undefined
    if (facts === undefined) return this.#reference(value) ?? refuse(unknownFunction(value))
    const problem = functionProblem(value, facts)
    if (problem !== undefined) return refuse(problem)
    const isClass = facts.body !== undefined
    const keys = facts.body === undefined ? ownOverrides(value) : this.#members.take(value, facts.body)
    const name = getOwnPropertyDescriptor(value, 'name')
    const hasName = isUsual(name) && typeof name.value === 'string'
    const hasLength = isUsual(getOwnPropertyDescriptor(value, 'length'), facts.parameters)
    const overrides = describe(
      value,
      keys.filter((key) => !(key === 'name' && hasName) && !(key === 'length' && hasLength)),
    )
    const parent = getPrototypeOf(value)
    const prototype = natives.ownValue(value, 'prototype')
    const hasParent = parent !== usualParent(value)
    const hasPrototype = typeof prototype === 'object' && prototype !== null && isTold(prototype, value, isClass)
    const isExact = facts.body?.runsCode === true
    const sink = this.#sink
    sink.varint(this.#snapshot.source(sourceEntryOf(facts)))
    sink.byte(
      (hasName ? functionFlag.name : 0) |
        (hasParent ? functionFlag.parent : 0) |
        (hasPrototype ? functionFlag.prototype : 0) |
        (overrides.length > 0 ? functionFlag.properties : 0) |
        (isExact ? functionFlag.exact : 0) |
        (integrityOf(value) * functionFlag.integrity),
    )
    if (hasName) sink.text(name.value as string)
    if (hasParent) this.#value(parent, 'its parent class')
    if (hasPrototype) this.#value(prototype, 'prototype')
    if (overrides.length > 0) this.#described(overrides)
    if (isExact) this.#allKeys(value)
    return recordKind.function
  }

  /** `prototype` of a function that a cell has defined: what is there beside what its text says. */
  #prototype(value: object, owner: object): Kind {
    const facts = this.#options.sources.find(natives.functionText(owner as () => void))
    const parent = getPrototypeOf(owner)
    const base =
      facts?.body !== undefined && typeof parent === 'function' && parent !== prototypes.Function
        ? natives.ownValue(parent, 'prototype')
        : prototypes.Object
    const isExact = facts?.body?.runsCode === true
    this.#value(owner, 'constructor')
    const flags = (isExact ? objectFlag.exact : 0) | (integrityOf(value) * objectFlag.integrity)
    this.#head(flags, getPrototypeOf(value), base as object | null)
    const keys = this.#members.prototypeOverrides(value, facts?.body)
    this.#described(describe(value, hasUsualConstructor(value) ? keys : ['constructor', ...keys]))
    if (isExact) this.#allKeys(value)
    return recordKind.prototype
  }

  #allKeys(value: object): void {
    const keys = ownKeys(value) as Key[]
    this.#sink.varint(keys.length)
    for (const key of keys) this.#sink.varint(this.#snapshot.key(key))
  }

  #isCellFunction(owner: object): boolean {
    return this.#options.sources.find(natives.functionText(owner as () => void)) !== undefined
  }

  #checkedPrototype(value: object, base: object): object | null {
    const prototype = getPrototypeOf(value)
    if (prototype === base) return prototype
    const problem = this.#chains.problemOf(prototype, base)
    return problem === undefined ? prototype : refuse(problem)
  }

  #headOf(value: object, base: object): void {
    this.#head(integrityOf(value) * objectFlag.integrity, this.#checkedPrototype(value, base), base)
  }

  #head(flags: number, prototype: object | null, base: object | null): void {
    const isOther = prototype !== base
    this.#sink.byte(flags | (isOther ? objectFlag.prototype : 0))
    if (isOther) this.#value(prototype, 'its prototype')
  }

  /** Properties beside what the kind says. */
  #rest(value: object, kind: Kind, except: readonly string[] = []): Kind {
    const keys = (ownKeys(value) as Key[]).filter((key) => typeof key === 'symbol' || !except.includes(key))
    this.#described(describe(value, keys))
    return kind
  }

  #described(properties: readonly Described[]): void {
    const sink = this.#sink
    sink.varint(properties.length)
    for (const [key, descriptor] of properties) {
      const { get, set, value } = descriptor
      const flags = flagsOf(descriptor)
      sink.varint(this.#snapshot.key(key))
      sink.byte(flags)
      if (flags & propertyFlag.accessor) {
        this.#value(get, key)
        this.#value(set, key)
      } else this.#value(value, key)
    }
  }

  #value(value: unknown, label: Key | number): void {
    this.#snapshot.value(this.#sink, value, label)
  }
}

function refuse(problem: Problem): never {
  throw new Unportable(problem)
}

function describe(value: object, keys: readonly Key[]): Described[] {
  return keys.map((key) => [key, getOwnPropertyDescriptor(value, key) as PropertyDescriptor])
}

/** Of every property, when an assignment (and then sealing or freezing) made them. */
function attributesOf(integrity: number): number {
  if (integrity === 3) return propertyFlag.enumerable
  return integrity === 2 ? propertyFlag.enumerable | propertyFlag.writable : plainAttributes
}

function flagsOf({ writable, enumerable, configurable }: PropertyDescriptor): number {
  return (
    (writable === true ? propertyFlag.writable : 0) |
    (enumerable === true ? propertyFlag.enumerable : 0) |
    (configurable === true ? propertyFlag.configurable : 0) |
    // an accessor has none
    (writable === undefined ? propertyFlag.accessor : 0)
  )
}

/** Those of an object with insides but a plain prototype tell it by a key, or there are none. */
function looksPlain(keys: readonly Key[]): boolean {
  const [first] = keys
  return first !== undefined && first !== '0' && first !== 'length' && first !== 'stack' && first !== 'lastIndex'
}

function integrityOf(value: object): 0 | 1 | 2 | 3 {
  if (natives.isExtensible(value)) return 0
  if (natives.isFrozen(value)) return mayChange(value) ? 2 : 3
  return natives.isSealed(value) ? 2 : 1
}

/** V8 takes a sealed function, or an empty array that is not extensible, for frozen. */
function mayChange(value: object): boolean {
  const key = typeof value === 'function' ? 'prototype' : isArray(value) ? 'length' : undefined
  return key !== undefined && getOwnPropertyDescriptor(value, key)?.writable === true
}

function errorBaseOf(value: object): number {
  for (let link: object | null = value; link !== null; link = getPrototypeOf(link)) {
    const base = errorPrototypes.indexOf(link)
    if (base >= 0) return base
  }
  return 0
}

const sharedPool: Problem = { reason: 'native-object', detail: 'it shares memory with another Buffer' }

function bufferProblem(buffer: ArrayBufferLike): Problem | undefined {
  // `SharedArrayBuffer` is refused as an object of its own
  if (natives.isSharedArrayBuffer(buffer)) return undefined
  if (natives.isDetached(buffer as ArrayBuffer))
    return { reason: 'native-object', detail: 'a view of a detached ArrayBuffer' }
  if (!natives.isResizable(buffer as ArrayBuffer)) return undefined
  return { reason: 'native-object', detail: 'a view of a resizable ArrayBuffer, which may follow its size' }
}
