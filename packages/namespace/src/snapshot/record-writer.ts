import { inspect } from 'node:util'
import { getOwnPropertyDescriptor, getPrototypeOf, isArray, ownKeys } from '../primordials.ts'
import type { ByteSink } from './byte-sink.ts'
import { ClassMembers } from './class-members.ts'
import type { FunctionSources } from './function-sources.ts'
import type { ModuleExports } from './module-exports.ts'
import * as natives from './natives.ts'
import { type Key, type SnapshotWriter, Unportable } from './snapshot-writer.ts'
import { sourceEntryOf } from './source-entry.ts'
import { functionOf, nameOf, opaqueProblem, type Problem, PrototypeChains } from './unportable.ts'
import { errorBases, functionFlag, objectFlag, propertyFlag, recordKind, viewNames } from './value-tags.ts'
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
/** Above it, keys that are no indexes are looked for by `inspect`, which does so without a string for each index. */
const listedElements = 1024
const inspectKeys = { maxArrayLength: 0, customInspect: false, depth: 0, breakLength: Infinity } as const
const ownFunctionKeys = new Set<Key>(['length', 'name', 'prototype', 'arguments', 'caller'])
const functionPrototypes = new Set<object | null>([
  Function.prototype,
  getPrototypeOf(async () => {}),
  getPrototypeOf(function* () {}),
  getPrototypeOf(async function* () {}),
])
const plainAttributes = propertyFlag.writable | propertyFlag.enumerable | propertyFlag.configurable
const errorPrototypes = errorBases.map(
  (name) => (globalThis as unknown as Record<string, ErrorConstructor>)[name]?.prototype as object,
)
const symbolNames = new Map([...natives.wellKnownSymbols].map(([name, symbol]) => [symbol, name]))
const urlPrototype = URL.prototype

/** Writes what one object, function or symbol is. What it refers to is left to the snapshot writer. */
export class RecordWriter {
  readonly #snapshot: SnapshotWriter
  readonly #sink: ByteSink
  readonly #options: RecordWriterOptions
  readonly #chains: PrototypeChains
  readonly #members = new ClassMembers()

  constructor(snapshot: SnapshotWriter, options: RecordWriterOptions) {
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
    const isPlain = prototype === Object.prototype || (prototype === null && !natives.isModuleNamespaceObject(value))
    return isPlain && !natives.isArgumentsObject(value) ? this.#record(value, prototype) : this.#special(value)
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
    return this.#record(value, this.#checkedPrototype(value, Object.prototype))
  }

  #record(value: object, prototype: object | null): Kind {
    const keys = ownKeys(value) as Key[]
    if (keys.includes('constructor')) {
      const owner = functionOf(value)
      if (owner !== undefined && this.#isCellFunction(owner)) return this.#prototype(value, owner)
    }
    const integrity = integrityOf(value)
    const values = uniformValues(value, keys, integrity)
    const flags = (values === undefined ? objectFlag.described : 0) | (integrity * objectFlag.integrity)
    this.#head(flags, prototype, Object.prototype)
    if (values === undefined) this.#described(describe(value, keys))
    else {
      this.#sink.varint(this.#snapshot.shape(keys))
      for (let index = 0; index < keys.length; index++) this.#value(values[index], keys[index] as Key)
    }
    return recordKind.object
  }

  #array(value: readonly unknown[]): Kind {
    const prototype = this.#checkedPrototype(value, Array.prototype)
    const { length } = value
    const extras = extraKeys(value, length)
    const flags = (extras.length > 0 ? objectFlag.described : 0) | (integrityOf(value) * objectFlag.integrity)
    this.#head(flags, prototype, Array.prototype)
    this.#sink.varint(length)
    for (let index = 0; index < length; index++) {
      const descriptor = getOwnPropertyDescriptor(value, index)
      if (descriptor === undefined) this.#sink.hole()
      else if (descriptor.get ?? descriptor.set) refuse({ reason: 'native-object', detail: `[${index}]: an accessor` })
      else this.#value(descriptor.value, index)
    }
    if (extras.length > 0) this.#described(describe(value, extras))
    return recordKind.array
  }

  #map(value: Map<unknown, unknown>): Kind {
    this.#headOf(value, Map.prototype)
    this.#sink.varint(natives.mapSize(value))
    natives.forEachOfMap(value, (item, key) => {
      this.#value(key, 'a key')
      this.#value(item, typeof key === 'string' ? key : 'a value')
    })
    return this.#rest(value, recordKind.map)
  }

  #set(value: Set<unknown>): Kind {
    this.#headOf(value, Set.prototype)
    this.#sink.varint(natives.setSize(value))
    let index = 0
    natives.forEachOfSet(value, (item) => this.#value(item, index++))
    return this.#rest(value, recordKind.set)
  }

  #date(value: Date): Kind {
    this.#headOf(value, Date.prototype)
    this.#sink.number(natives.dateTime(value))
    return this.#rest(value, recordKind.date)
  }

  #regExp(value: RegExp): Kind {
    this.#headOf(value, RegExp.prototype)
    this.#sink.text(natives.regExpSource(value))
    this.#sink.text(natives.regExpFlags(value))
    const lastIndex = natives.ownValue(value, 'lastIndex')
    this.#value(lastIndex, 'lastIndex')
    return this.#rest(value, recordKind.regexp, ['lastIndex'])
  }

  #error(value: Error): Kind {
    const base = errorBaseOf(value)
    this.#headOf(value, errorPrototypes[base] as object)
    this.#sink.byte(base)
    let stack: unknown
    try {
      // V8 makes the text when it is first asked for
      stack = Object.hasOwn(value, 'stack') ? value.stack : undefined
    } catch {
      stack = undefined
    }
    this.#value(typeof stack === 'string' ? stack : undefined, 'stack')
    return this.#rest(value, recordKind.error, ['stack'])
  }

  #arrayBuffer(value: ArrayBuffer): Kind {
    this.#headOf(value, ArrayBuffer.prototype)
    const isResizable = natives.isResizable(value)
    this.#sink.varint(isResizable ? natives.bufferLimit(value) + 1 : 0)
    this.#sink.binary(toBytes(value, 0, natives.bufferBytes(value)))
    return this.#rest(value, recordKind.arrayBuffer)
  }

  #view(value: object): Kind {
    const isDataView = natives.isDataView(value)
    const name = isDataView ? 'DataView' : natives.typedArrayName(value)
    const index = (viewNames as readonly string[]).indexOf(name)
    const base = (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name]?.prototype
    if (index < 0 || base === undefined) return refuse({ reason: 'native-object', detail: `a ${name}` })
    const buffer = isDataView ? natives.dataViewBuffer(value) : natives.typedArrayBuffer(value)
    const offset = isDataView ? natives.dataViewOffset(value) : natives.typedArrayOffset(value)
    const bytes = isDataView ? natives.dataViewBytes(value) : natives.typedArrayBytes(value)
    const prototype = getPrototypeOf(value)
    const isNodeBuffer = prototype === bufferPrototype
    this.#checkedPrototype(value, isNodeBuffer ? bufferPrototype : base)
    const extras = isDataView ? (ownKeys(value) as Key[]) : extraKeys(value, natives.typedArrayLength(value))
    if (extras.length > 0) return refuse({ reason: 'native-object', detail: `a ${name} with further properties` })
    // a view of pooled memory would bring other buffers along
    if (isNodeBuffer && buffer.byteLength !== bytes) {
      this.#sink.binary(toBytes(buffer, offset, bytes))
      return recordKind.ownBytes
    }
    this.#head(0, prototype, base)
    this.#sink.byte(index)
    this.#value(buffer, 'buffer')
    this.#sink.varint(offset)
    this.#sink.varint(isDataView ? bytes : natives.typedArrayLength(value))
    return recordKind.view
  }

  #boxed(value: object): Kind {
    const primitive = natives.unbox(value)
    const base = getPrototypeOf(Object(primitive)) as object
    this.#headOf(value, base)
    this.#value(primitive, 'value')
    const { length = 0 } = typeof primitive === 'string' ? primitive : {}
    const own = ['length', ...Array.from({ length }, (_, index) => String(index))]
    return this.#rest(value, recordKind.boxed, typeof primitive === 'string' ? own : [])
  }

  #url(value: URL): Kind {
    let text: string
    try {
      text = natives.urlText(value)
    } catch {
      return refuse({ reason: 'native-object', detail: 'a URL' })
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
    const facts = this.#options.sources.find(natives.functionText(value))
    if (facts === undefined) return this.#reference(value) ?? refuse(unknownFunction(value))
    if (facts.captures.length > 0) return refuse(closure(value, facts.captures))
    if (facts.form === 'method' && facts.key === undefined) {
      return refuse({ reason: 'unknown-source', detail: `${nameOf(value)} is a method with a computed name` })
    }
    if (facts.body?.hasPrivateStaticState === true) {
      return refuse({ reason: 'private-state', detail: `${nameOf(value)} has static #private fields` })
    }
    const overrides = facts.body === undefined ? ownOverrides(value) : this.#members.take(value, facts.body)
    const name = natives.ownValue(value, 'name')
    const parent = getPrototypeOf(value)
    const prototype = natives.ownValue(value, 'prototype')
    const hasParent = !functionPrototypes.has(parent)
    const hasPrototype =
      typeof prototype === 'object' && prototype !== null && isTold(prototype, value, facts.body !== undefined)
    const sink = this.#sink
    sink.varint(this.#snapshot.source(sourceEntryOf(facts)))
    sink.byte(
      (typeof name === 'string' ? functionFlag.name : 0) |
        (hasParent ? functionFlag.parent : 0) |
        (hasPrototype ? functionFlag.prototype : 0) |
        (overrides.length > 0 ? functionFlag.properties : 0) |
        (integrityOf(value) * functionFlag.integrity),
    )
    if (typeof name === 'string') sink.text(name)
    if (hasParent) this.#value(parent, 'its parent class')
    if (hasPrototype) this.#value(prototype, 'prototype')
    if (overrides.length > 0) this.#described(overrides)
    return recordKind.function
  }

  /** `prototype` of a function that a cell has defined: what is there beside what its text says. */
  #prototype(value: object, owner: object): Kind {
    const facts = this.#options.sources.find(natives.functionText(owner as () => void))
    const parent = getPrototypeOf(owner)
    const base =
      facts?.body !== undefined && typeof parent === 'function' && !functionPrototypes.has(parent)
        ? natives.ownValue(parent, 'prototype')
        : Object.prototype
    this.#value(owner, 'constructor')
    this.#head(integrityOf(value) * objectFlag.integrity, getPrototypeOf(value), base as object | null)
    this.#described(this.#members.prototypeOverrides(value, facts?.body))
    return recordKind.prototype
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
      const { writable, enumerable, configurable, get, set, value } = descriptor
      const isAccessor = get !== undefined || set !== undefined
      sink.varint(this.#snapshot.key(key))
      sink.byte(
        (writable ? propertyFlag.writable : 0) |
          (enumerable ? propertyFlag.enumerable : 0) |
          (configurable ? propertyFlag.configurable : 0) |
          (isAccessor ? propertyFlag.accessor : 0),
      )
      if (isAccessor) {
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

/** The values, when all properties are as an assignment (and then sealing or freezing) makes them. */
function uniformValues(value: object, keys: readonly Key[], integrity: number): unknown[] | undefined {
  const attributes =
    integrity === 3
      ? propertyFlag.enumerable
      : integrity === 2
        ? propertyFlag.enumerable | propertyFlag.writable
        : plainAttributes
  const values: unknown[] = []
  for (let index = 0; index < keys.length; index++) {
    const descriptor = getOwnPropertyDescriptor(value, keys[index] as Key) as PropertyDescriptor
    // an accessor has no `writable`
    const own =
      (descriptor.writable === true ? propertyFlag.writable : 0) |
      (descriptor.enumerable === true ? propertyFlag.enumerable : 0) |
      (descriptor.configurable === true ? propertyFlag.configurable : 0)
    if (own !== attributes || descriptor.get !== undefined || descriptor.set !== undefined) return undefined
    values.push(descriptor.value)
  }
  return values
}

function integrityOf(value: object): 0 | 1 | 2 | 3 {
  if (natives.isExtensible(value)) return 0
  if (natives.isFrozen(value)) return 3
  return natives.isSealed(value) ? 2 : 1
}

/** Own keys that are no index. */
function extraKeys(value: object, length: number): Key[] {
  if (length > listedElements && !hasExtras(value, length)) return []
  const keys = ownKeys(value) as Key[]
  // indexes come first
  if (keys.length === length + 1 && keys[length] === 'length') return []
  return keys.filter((key) => typeof key === 'symbol' || (key !== 'length' && !isIndex(key)))
}

function hasExtras(value: object, length: number): boolean {
  return !inspect(value, inspectKeys).endsWith(`[ ... ${length} more items ]`)
}

function isIndex(key: string): boolean {
  return String(Number(key) >>> 0) === key && key !== '4294967295'
}

function errorBaseOf(value: object): number {
  for (let link: object | null = value; link !== null; link = getPrototypeOf(link)) {
    const base = errorPrototypes.indexOf(link)
    if (base >= 0) return base
  }
  return 0
}

function ownOverrides(value: Function): Described[] {
  return describe(
    value,
    (ownKeys(value) as Key[]).filter((key) => !ownFunctionKeys.has(key)),
  )
}

/** Whether a function's record has to mention its `prototype`: one that was never touched comes with the function. */
function isTold(prototype: object, owner: Function, isClass: boolean): boolean {
  if (isClass) return true
  if (functionOf(prototype) === owner) return ownKeys(prototype).length > 1
  // of a generator, which has no constructor, or put there in place of the first one
  return ownKeys(prototype).length > 0 || getPrototypeOf(prototype) === Object.prototype
}

function unknownFunction(value: Function): Problem {
  const name = nameOf(value)
  return natives.functionText(value).endsWith('{ [native code] }')
    ? { reason: 'native-object', detail: `${name} is a bound or native function` }
    : { reason: 'unknown-source', detail: `the source of ${name} is in no cell that is kept` }
}

function closure(value: Function, captures: readonly string[]): Problem {
  const names = captures.slice(0, 5).join(', ')
  return { reason: 'local-closure', detail: `${nameOf(value)} uses ${names} of the code around it` }
}
