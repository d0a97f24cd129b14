/* oxlint-disable max-lines -- the counterpart of `record-writer.ts`; its phases share what is built so far */
import { defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } from '../primordials.ts'
import { ByteSource, malformed } from './byte-source.ts'
import { evaluateSources, type MakeFunction } from './evaluate-sources.ts'
import { setErrorStack } from './error-stack.ts'
import * as natives from './natives.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { hasHead, referencesOf, skipValue } from './record-references.ts'
import type { SourceEntry } from './source-entry.ts'
import type { Problem } from './unportable.ts'
import { errorBases, functionFlag, objectFlag, propertyFlag, recordKind, valueTag, viewNames } from './value-tags.ts'
import type { WellKnown } from './well-known.ts'

export interface SnapshotBuilderOptions {
  readonly wellKnown: WellKnown
  /** What each module path of the index leads to; a missing one is a problem. */
  readonly modules: readonly ({ readonly value: unknown } | { readonly problem: Problem })[]
  /** Compiles and runs code in the global scope. */
  readonly evaluate: (code: string) => unknown
}

const { setPrototypeOf, create } = Object
const { parse } = JSON
const toBuffer = Buffer.from.bind(Buffer) as (bytes: Uint8Array) => Buffer
const constructors = globalThis as unknown as Record<string, new (...args: unknown[]) => object>
const views = viewNames.map((name) => constructors[name])
const errors = errorBases.map((name) => constructors[name])
const toRegExp = RegExp
const toDate = Date
const toUrl = URL
const toObject = Object
const NativeArrayBuffer = ArrayBuffer
const NativeMap = Map
const NativeSet = Set

/**
 * Builds the objects of a snapshot. Shells are made first and filled later, so that cycles need no care. The phases are
 * public because those that run code of the snapshot (classes) are taken between definitions of globals.
 */
export class SnapshotBuilder {
  readonly #snapshot: ReadSnapshot
  readonly #options: SnapshotBuilderOptions
  readonly #objects: unknown[] = []
  readonly #isBuilt: Uint8Array
  readonly #problems = new Map<number, Problem>()
  readonly #makers: readonly MakeFunction[]
  /** Were made as plain objects, because their class did not exist yet. */
  readonly #late = new Set<number>()
  #hasRunCode = false
  /** No property of all objects (or arrays) takes what is assigned to a new one. */
  readonly #isPristine = takesNoAssignment(Object.prototype) && takesNoAssignment(Array.prototype)
  /** Have properties that could not be set again if they were already as they are to be. */
  readonly #soft = new Set<number>()
  #isFinal = false
  #spread: ReadonlyMap<number, Problem> | undefined

  /** @throws MalformedSnapshot */
  constructor(snapshot: ReadSnapshot, options: SnapshotBuilderOptions) {
    this.#snapshot = snapshot
    this.#options = options
    this.#isBuilt = new Uint8Array(snapshot.kinds.length)
    this.#makers = evaluateSources(snapshot.index.sources, options.evaluate)
  }

  /** What code may run for later: everything that comes without running code of a class. */
  buildReferences(): void {
    this.#each(recordKind.symbol, (id) => this.#set(id, this.#symbol(this.#source(id))))
    this.#each(recordKind.wellKnown, (id) => this.#wellKnown(id))
    this.#each(recordKind.module, (id) => this.#module(id))
    this.#each(recordKind.function, (id) => {
      if (this.#sourceOf(id).form !== 'class') this.#function(id)
    })
  }

  /** Classes whose evaluation runs nothing but their definition; the others, with `all`. */
  buildClasses(onBuilt: (id: number) => void, { all }: { all: boolean }): void {
    this.#each(recordKind.function, (id) => {
      if (this.#sourceOf(id).form === 'class') this.#class(id, onBuilt, all)
    })
  }

  buildData(): void {
    this.#each(recordKind.prototype, (id) => this.#prototype(id))
    this.#each(recordKind.arrayBuffer, (id) => {
      this.#shellOf(id, this.#source(id), this.#arrayBuffer(this.#source(id)), NativeArrayBuffer.prototype)
    })
    for (let id = 0; id < this.#snapshot.kinds.length; id++) if (!this.#isBuilt[id]) this.#shell(id)
    for (let id = 0; id < this.#snapshot.kinds.length; id++) this.#fill(id)
  }

  /** After the last classes: what waited for them, and again what their code may have changed. */
  finish(): void {
    this.#each(recordKind.prototype, (id) => this.#prototype(id))
    this.#each(recordKind.member, (id) => this.#member(id))
    for (const id of this.#late) this.#prototypeLater(id)
    this.#isFinal = true
    if (this.#hasRunCode || this.#late.size > 0 || this.#has(recordKind.member)) {
      for (let id = 0; id < this.#snapshot.kinds.length; id++) {
        this.#clear(id)
        this.#fill(id)
      }
    } else for (const id of this.#soft) this.#fill(id)
    for (const kind of [recordKind.function, recordKind.prototype]) this.#each(kind, (id) => this.#override(id))
    for (let id = 0; id < this.#snapshot.kinds.length; id++) this.#harden(id)
  }

  /** Reads the next root; `record`: the object it refers to, or -1. */
  root(source: ByteSource): { readonly value: unknown; readonly record: number } {
    const { position } = source
    const record = skipValue(source, this.#snapshot.kinds.length)
    source.position = position
    return { value: this.#value(source), record }
  }

  /** After `finish`: why the object of a record is not whole. */
  problemOf(record: number): Problem | undefined {
    this.#spread ??= this.#spreadProblems()
    return this.#spread.get(record)
  }

  objectOf(id: number): unknown {
    return this.#objects[id]
  }

  isBuilt(id: number): boolean {
    return this.#isBuilt[id] === 1
  }

  #each(kind: number, visit: (id: number) => void): void {
    const { kinds } = this.#snapshot
    for (let id = 0; id < kinds.length; id++) if (kinds[id] === kind) visit(id)
  }

  #has(kind: number): boolean {
    return this.#snapshot.kinds.includes(kind)
  }

  #source(id: number): ByteSource {
    const { source, starts, ends } = this.#snapshot
    return new ByteSource(source, starts[id], ends[id])
  }

  #set(id: number, value: unknown): void {
    this.#objects[id] = value
    this.#isBuilt[id] = 1
  }

  #fail(id: number, problem: Problem): void {
    this.#problems.set(id, problem)
    this.#set(id, undefined)
  }

  #value(source: ByteSource): unknown {
    const tag = source.byte()
    switch (tag) {
      case valueTag.undefined:
      case valueTag.hole:
        return undefined
      case valueTag.null:
        return null
      case valueTag.true:
        return true
      case valueTag.false:
        return false
      case valueTag.integer:
        return source.integer()
      case valueTag.double:
        return source.double()
      case valueTag.bigint:
        return source.bigint()
      case valueTag.record: {
        const id = source.varint()
        if (id >= this.#snapshot.kinds.length) throw malformed('a reference leads nowhere')
        return this.#objects[id]
      }
      default: {
        const text = source.textOf(tag)
        if (text === undefined) throw malformed('a value is of no known kind')
        return text
      }
    }
  }

  /** The record that the next value refers to. */
  #recordAt(source: ByteSource): number {
    const id = skipValue(source, this.#snapshot.kinds.length)
    if (id < 0) throw malformed('a reference is missing')
    return id
  }

  #key(source: ByteSource): string | symbol {
    const key = this.#snapshot.index.keys[source.varint()]
    if (typeof key === 'string') return key
    const symbol = key === undefined ? undefined : this.#objects[key]
    if (typeof symbol !== 'symbol') throw malformed('a key is no text and no symbol')
    return symbol
  }

  #symbol(source: ByteSource): symbol {
    const kind = source.byte()
    const text = this.#value(source)
    if (text !== undefined && typeof text !== 'string') throw malformed('a symbol has no description')
    if (kind === 0) return Symbol(text)
    if (kind === 1) return Symbol.for(text ?? '')
    const wellKnown = natives.wellKnownSymbols.get(text ?? '')
    if (wellKnown === undefined) throw malformed('a symbol is not known')
    return wellKnown
  }

  #wellKnown(id: number): void {
    const path: unknown = parseJson(this.#source(id).text())
    if (!Array.isArray(path) || !path.every((key) => typeof key === 'string')) throw malformed('a path is no path')
    const value = this.#options.wellKnown.find(path as string[])
    if (value !== undefined) return this.#set(id, value)
    this.#fail(id, { reason: 'native-object', detail: `this process has no ${(path as string[]).join('.')}` })
  }

  #module(id: number): void {
    const found = this.#options.modules[this.#source(id).varint()]
    if (found === undefined) throw malformed('a module is missing')
    if ('problem' in found) this.#fail(id, found.problem)
    else this.#set(id, found.value)
  }

  #sourceOf(id: number): SourceEntry {
    const entry = this.#snapshot.index.sources[this.#source(id).varint()]
    if (entry === undefined) throw malformed('the source of a function is missing')
    return entry
  }

  #function(id: number): void {
    const make = this.#makers[this.#source(id).varint()]
    if (make === undefined) throw malformed('the source of a function is missing')
    try {
      const value = make()
      if (typeof value !== 'function') throw malformed('the source of a function is none')
      this.#set(id, value)
    } catch (error) {
      this.#fail(id, { reason: 'evaluation-failed', detail: messageOf(error) })
    }
  }

  /** Its parent comes first. Without `all` a class that needs more than its parent is left for later. */
  #class(id: number, onBuilt: (id: number) => void, all: boolean): void {
    if (this.#isBuilt[id]) return
    const source = this.#source(id)
    const { runsCode } = this.#snapshot.index.sources[source.varint()] as SourceEntry
    const flags = source.byte()
    if (runsCode && !all) return
    if (flags & functionFlag.name) source.text()
    const parent = flags & functionFlag.parent ? this.#recordAt(source) : -1
    if (parent >= 0 && !this.#isBuilt[parent]) {
      // marked, so that a cycle of parents ends
      this.#isBuilt[id] = 1
      if (this.#snapshot.kinds[parent] === recordKind.function) this.#class(parent, onBuilt, all)
      this.#isBuilt[id] = 0
      if (!this.#isBuilt[parent]) return
    }
    if (runsCode) this.#hasRunCode = true
    this.#function(id)
    const isFirstTry = !all && this.#problems.has(id)
    if (!isFirstTry) return onBuilt(id)
    // what it needs may be defined later
    this.#problems.delete(id)
    this.#isBuilt[id] = 0
  }

  #prototype(id: number): void {
    const owner = this.#recordAt(this.#source(id))
    if (this.#snapshot.kinds[owner] !== recordKind.function) throw malformed('a prototype is of no function')
    const problem = this.#problems.get(owner)
    if (problem !== undefined) return this.#fail(id, problem)
    const value = this.#objects[owner]
    const prototype = typeof value === 'function' ? natives.ownValue(value, 'prototype') : undefined
    if (prototype !== undefined) this.#set(id, prototype)
  }

  #member(id: number): void {
    const source = this.#source(id)
    const ownerId = this.#recordAt(source)
    const flags = source.byte()
    const key = this.#value(source) as PropertyKey
    const problem = this.#problems.get(ownerId)
    if (problem !== undefined) return this.#fail(id, problem)
    const owner = this.#objects[ownerId]
    const holder = flags & 1 || typeof owner !== 'function' ? owner : natives.ownValue(owner, 'prototype')
    const descriptor =
      typeof holder === 'object' || typeof holder === 'function'
        ? getOwnPropertyDescriptor(holder as object, key)
        : undefined
    const value: unknown = [descriptor?.value, descriptor?.get, descriptor?.set][flags >> 1]
    if (value === undefined) this.#fail(id, { reason: 'evaluation-failed', detail: `the class has no ${String(key)}` })
    else this.#set(id, value)
  }

  #arrayBuffer(source: ByteSource): ArrayBuffer {
    this.#skipHead(source)
    const limit = source.varint()
    const bytes = source.binary()
    if (limit === 0 && bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length)
      return bytes.buffer as ArrayBuffer
    const options = limit === 0 ? {} : { maxByteLength: limit - 1 }
    try {
      const buffer = new NativeArrayBuffer(bytes.length, options)
      new Uint8Array(buffer).set(bytes)
      return buffer
    } catch {
      throw malformed('a buffer has no such size')
    }
  }

  /** An empty object of the record's kind. */
  #shell(id: number): void {
    const source = this.#source(id)
    const kind = this.#snapshot.kinds[id]
    switch (kind) {
      case recordKind.object:
        return this.#set(id, create(this.#prototypeOf(id, source, Object.prototype)))
      case recordKind.array:
        return this.#shellOf(id, source, [], Array.prototype)
      case recordKind.map:
        return this.#shellOf(id, source, new NativeMap(), NativeMap.prototype)
      case recordKind.set:
        return this.#shellOf(id, source, new NativeSet(), NativeSet.prototype)
      case recordKind.error:
        return this.#error(id, source)
      case recordKind.ownBytes:
        return this.#set(id, toBuffer(source.binary()))
      case recordKind.url:
        return this.#set(id, new toUrl(source.text()))
      case recordKind.date:
      case recordKind.regexp:
      case recordKind.boxed:
      case recordKind.view:
        return this.#leaf(id, kind, source)
    }
  }

  /** What is whole from the start, but for further properties. */
  #leaf(id: number, kind: number, source: ByteSource): void {
    const { position } = source
    this.#skipHead(source)
    const value = this.#leafOf(kind, source)
    source.position = position
    if (value !== undefined) this.#shellOf(id, source, value, getPrototypeOf(value))
  }

  #leafOf(kind: number, source: ByteSource): object | undefined {
    try {
      switch (kind) {
        case recordKind.date:
          return new toDate(this.#value(source) as number)
        case recordKind.regexp:
          return new toRegExp(source.text(), source.text())
        case recordKind.boxed:
          return toObject(this.#value(source)) as object
        default: {
          const View = views[source.byte()] as new (buffer: unknown, offset: number, length: number) => object
          const buffer = this.#value(source)
          return new View(buffer, source.varint(), source.varint())
        }
      }
    } catch {
      throw malformed('a value cannot be built')
    }
  }

  #error(id: number, source: ByteSource): void {
    const { position } = source
    this.#skipHead(source)
    const base = source.byte()
    const Base = errors[base]
    if (Base === undefined) throw malformed('an error is of no known kind')
    const value = base === errorBases.length - 1 ? new Base([]) : new Base()
    // what the constructor added is in the record, if it was there
    for (const key of ownKeys(value)) if (key !== 'stack') deleteProperty(value, key)
    source.position = position
    this.#shellOf(id, source, value, getPrototypeOf(value))
  }

  #shellOf(id: number, source: ByteSource, value: object, base: object | null): void {
    const prototype = this.#prototypeOf(id, source, base)
    if (prototype !== base) setPrototypeOf(value, prototype)
    this.#set(id, value)
  }

  /** The prototype that a record's head names; one that does not exist yet comes later. */
  #prototypeOf(id: number, source: ByteSource, base: object | null): object | null {
    const flags = source.byte()
    if (!(flags & objectFlag.prototype)) return base
    const { position } = source
    const record = skipValue(source, this.#snapshot.kinds.length)
    if (record < 0) return null
    if (this.#isBuilt[record] && this.#snapshot.kinds[record] !== recordKind.object) {
      source.position = position
      const value = this.#value(source)
      if (typeof value === 'object' || typeof value === 'function') return value
    }
    this.#late.add(id)
    return base
  }

  #prototypeLater(id: number): void {
    const source = this.#source(id)
    source.byte()
    const prototype = this.#value(source)
    const value = this.#objects[id]
    if (typeof value !== 'object' || value === null) return
    if (typeof prototype === 'object' || typeof prototype === 'function') setPrototypeOf(value, prototype)
  }

  #skipHead(source: ByteSource): number {
    const flags = source.byte()
    if (flags & objectFlag.prototype) skipValue(source, this.#snapshot.kinds.length)
    return flags
  }

  #clear(id: number): void {
    const value = this.#objects[id]
    switch (this.#snapshot.kinds[id]) {
      case recordKind.map:
        return natives.clearMap(value as Map<unknown, unknown>)
      case recordKind.set:
        return natives.clearSet(value as Set<unknown>)
      case recordKind.array:
        ;(value as unknown[]).length = 0
        return
      case recordKind.object:
        for (const key of ownKeys(value as object)) deleteProperty(value as object, key)
    }
  }

  #fill(id: number): void {
    const kind = this.#snapshot.kinds[id] as number
    if (kind > recordKind.arrayBuffer && kind !== recordKind.boxed) return
    const source = this.#source(id)
    const value = this.#objects[id] as object
    const flags = this.#skipHead(source)
    switch (kind) {
      case recordKind.object:
        if (flags & objectFlag.described) return this.#describe(id, value, source)
        return this.#fillShape(value as Record<PropertyKey, unknown>, source)
      case recordKind.array:
        return this.#fillArray(id, value as unknown[], source, flags)
      case recordKind.map:
        for (let left = this.#length(source, 2); left > 0; left--) {
          natives.setEntry(value as Map<unknown, unknown>, this.#value(source), this.#value(source))
        }
        break
      case recordKind.set:
        for (let left = this.#length(source, 1); left > 0; left--) {
          natives.addItem(value as Set<unknown>, this.#value(source))
        }
        break
      case recordKind.regexp:
        source.text()
        source.text()
        ;(value as RegExp).lastIndex = this.#value(source) as number
        break
      case recordKind.error:
        this.#fillStack(value, source)
        break
      case recordKind.arrayBuffer:
        source.varint()
        source.skip(source.varint())
        break
      default:
        skipValue(source, this.#snapshot.kinds.length)
    }
    this.#describe(id, value, source)
  }

  #fillShape(value: Record<PropertyKey, unknown>, source: ByteSource): void {
    const { shapes, keys } = this.#snapshot.index
    const shape = shapes[source.varint()]
    if (shape === undefined) throw malformed('a shape is missing')
    // an assignment to any other would run setters of its class
    const isPlain = this.#isPristine && getPrototypeOf(value) === Object.prototype
    for (let index = 0; index < shape.length; index++) {
      const key = keys[shape[index] as number] as string | number
      const item = this.#value(source)
      if (isPlain && typeof key === 'string' && key !== '__proto__') value[key] = item
      else define(value, typeof key === 'string' ? key : (this.#objects[key] as symbol), item, listed)
    }
  }

  #fillArray(id: number, value: unknown[], source: ByteSource, flags: number): void {
    if (flags & objectFlag.sparse) {
      // the first makes it one that takes no memory for its length
      value.length = 2 ** 32 - 1
      value.length = arrayLength(source.varint())
      return this.#describe(id, value, source)
    }
    const length = this.#length(source, 1)
    value.length = arrayLength(length)
    for (let index = 0; index < length; index++) {
      const { position } = source
      if (source.byte() === valueTag.hole) continue
      source.position = position
      const item = this.#value(source)
      if (this.#isPristine) value[index] = item
      else define(value, index, item, listed)
    }
    if (flags & objectFlag.described) this.#describe(id, value, source)
  }

  #fillStack(value: object, source: ByteSource): void {
    source.byte()
    const stack = this.#value(source)
    if (typeof stack === 'string') setErrorStack(value, stack)
    else deleteProperty(value, 'stack')
  }

  /** A count of values: each takes a byte at least. */
  #length(source: ByteSource, values: number): number {
    const length = source.varint()
    if (length * values > source.remaining) throw malformed('a collection claims more than it has')
    return length
  }

  #describe(id: number, value: object, source: ByteSource): void {
    for (let left = this.#length(source, 3); left > 0; left--) {
      const key = this.#key(source)
      let flags = source.byte()
      if (!this.#isFinal && (flags & changeable) !== changeable) {
        this.#soft.add(id)
        flags |= flags & propertyFlag.accessor ? propertyFlag.configurable : changeable
      }
      if (flags & propertyFlag.accessor) {
        const [get, set] = [this.#value(source), this.#value(source)]
        const enumerable = (flags & propertyFlag.enumerable) !== 0
        const configurable = (flags & propertyFlag.configurable) !== 0
        defineProperty(value, key, { __proto__: null, get, set, enumerable, configurable } as PropertyDescriptor)
      } else define(value, key, this.#value(source), flags)
    }
  }

  /** Removes what code of the class has added and what is not there (any more) in the snapshot. */
  #keepOnly(id: number, value: object, source: ByteSource): void {
    const keys = new Set<PropertyKey>()
    for (let left = this.#length(source, 1); left > 0; left--) keys.add(this.#key(source))
    for (const key of ownKeys(value)) if (!keys.delete(key)) deleteProperty(value, key)
    if (keys.size === 0) return
    const detail = 'what it computes keys of methods from has changed'
    this.#problems.set(id, { reason: 'evaluation-failed', detail })
  }

  /** What a function, or its prototype, has beside its text. */
  #override(id: number): void {
    const value = this.#objects[id]
    if (typeof value !== 'function' && typeof value !== 'object') return
    if (value === null || this.#problems.has(id)) return
    const source = this.#source(id)
    if (this.#snapshot.kinds[id] === recordKind.prototype) {
      this.#recordAt(source)
      const flags = source.byte()
      if (flags & objectFlag.prototype) setPrototypeOf(value, this.#value(source) as object | null)
      this.#describe(id, value, source)
      if (flags & objectFlag.exact) this.#keepOnly(id, value, source)
      return
    }
    const { form } = this.#snapshot.index.sources[source.varint()] as SourceEntry
    const flags = source.byte()
    if (flags & functionFlag.name) this.#rename(value, source.text())
    if (flags & functionFlag.parent) this.#setParent(value, this.#value(source), form === 'class')
    if (flags & functionFlag.prototype) this.#setPrototype(value, this.#value(source))
    if (flags & functionFlag.properties) this.#describe(id, value, source)
    if (flags & functionFlag.exact) this.#keepOnly(id, value, source)
  }

  #rename(value: object, name: string): void {
    if (natives.ownValue(value, 'name') !== name) define(value, 'name', name, propertyFlag.configurable)
  }

  /** The text found its parent by name, and that name may mean another class by now. */
  #setParent(value: object, parent: unknown, isClass: boolean): void {
    if ((typeof parent !== 'function' && typeof parent !== 'object') || getPrototypeOf(value) === parent) return
    setPrototypeOf(value, parent)
    if (!isClass || typeof parent !== 'function') return
    const prototype = natives.ownValue(value, 'prototype') as object
    setPrototypeOf(prototype, natives.ownValue(parent, 'prototype') as object | null)
  }

  #setPrototype(value: object, prototype: unknown): void {
    if (typeof prototype !== 'object' || natives.ownValue(value, 'prototype') === prototype) return
    defineProperty(value, 'prototype', { __proto__: null, value: prototype } as PropertyDescriptor)
  }

  #harden(id: number): void {
    const value = this.#objects[id] as object
    const kind = this.#snapshot.kinds[id] as number
    const isFunction = kind === recordKind.function
    if (!isFunction && !hasHead(kind)) return
    if (this.#problems.has(id)) return
    const source = this.#source(id)
    if (isFunction) source.varint()
    if (kind === recordKind.prototype) this.#recordAt(source)
    const flags = source.byte()
    const integrity = Math.floor(flags / (isFunction ? functionFlag.integrity : objectFlag.integrity)) & 3
    // the elements of a view can be neither sealed nor frozen
    if (kind === recordKind.view && integrity > 0) return void natives.preventExtensions(value)
    switch (integrity) {
      case 1:
        natives.preventExtensions(value)
        break
      case 2:
        natives.seal(value)
        break
      case 3:
        natives.freeze(value)
    }
  }

  /** The problem of each record that leads to one. */
  #spreadProblems(): ReadonlyMap<number, Problem> {
    const spread = new Map(this.#problems)
    if (spread.size === 0) return spread
    const from = new Map<number, number[]>()
    for (let id = 0; id < this.#snapshot.kinds.length; id++) {
      for (const next of referencesOf(this.#snapshot, id)) {
        const known = from.get(next)
        if (known === undefined) from.set(next, [id])
        else known.push(id)
      }
    }
    for (const [id, problem] of spread) {
      for (const each of from.get(id) ?? []) if (!spread.has(each)) spread.set(each, problem)
    }
    return spread
  }
}

const changeable = propertyFlag.writable | propertyFlag.configurable
const listed = propertyFlag.writable | propertyFlag.enumerable | propertyFlag.configurable

function define(holder: object, key: PropertyKey, value: unknown, flags: number): void {
  const descriptor = {
    __proto__: null,
    value,
    writable: (flags & propertyFlag.writable) !== 0,
    enumerable: (flags & propertyFlag.enumerable) !== 0,
    configurable: (flags & propertyFlag.configurable) !== 0,
  }
  defineProperty(holder, key, descriptor as PropertyDescriptor)
}

/** A setter there would run, and a frozen one would refuse. */
function takesNoAssignment(prototype: object): boolean {
  return ownKeys(prototype).every((key) => {
    // properties whose name is a symbol are always defined
    if (key === '__proto__' || typeof key === 'symbol') return true
    return getOwnPropertyDescriptor(prototype, key)?.writable === true && !(+key >= 0)
  })
}

function arrayLength(length: number): number {
  if (length >= 2 ** 32) throw malformed('an array cannot be that long')
  return length
}

function parseJson(text: string): unknown {
  try {
    return parse(text)
  } catch {
    throw malformed('a path is no JSON')
  }
}

function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null ? natives.ownValue(error, 'message') : error
  return typeof message === 'string' ? message.slice(0, 200) : 'it threw'
}
