import { builtinModules } from 'node:module'
import { languageNames } from '../language-names.ts'
import {
  defineProperty,
  getOwnPropertyDescriptor,
  listedDescriptor,
  matchesPattern,
  ownKeys,
  SafeMap,
} from '../primordials.ts'
import { ownValue } from './natives.ts'

type Path = readonly string[]

const { getPrototypeOf } = Object
const { stringify } = JSON
const { getBuiltinModule } = process
const moduleNames = builtinModules.filter((name) => !name.startsWith('_'))

/**
 * What every process has: globals, their members, and those of Node's modules. Such an object is not copied into a
 * snapshot; its path is.
 */
export class WellKnown {
  /** As they were before the first cell. */
  readonly #globals = new SafeMap<PropertyKey, PropertyDescriptor>()
  readonly #paths = new SafeMap<unknown, Path>()
  /** What stood at a path of the globals before the first cell, which may replace it. */
  readonly #values = new SafeMap<string, unknown>()
  /** Names of globals that were there before the first cell and have not been looked at. */
  #unread: string[] = []
  /** The same, for good. */
  readonly #lazy: string[] = []
  #modules = 0
  #state: 'new' | 'begun' | 'read' = 'new'
  readonly #isOfCells: (value: Function) => boolean

  /** `isOfCells`: whether a cell has defined the function. */
  constructor(isOfCells: (value: Function) => boolean) {
    this.#isOfCells = isOfCells
  }

  /** What is global now is not of a cell. Only the first call counts, and it costs little. */
  begin(): void {
    if (this.#state !== 'new') return
    this.#state = 'begun'
    for (const key of ownKeys(globalThis)) {
      if (typeof key === 'string' && isLazy(key)) {
        defineProperty(this.#unread, this.#unread.length, listedDescriptor(key))
        defineProperty(this.#lazy, this.#lazy.length, listedDescriptor(key))
      } else this.#globals.set(key, getOwnPropertyDescriptor(globalThis, key) as PropertyDescriptor)
    }
  }

  /** A global as it was before the first cell. */
  global(name: PropertyKey): PropertyDescriptor | undefined {
    return this.#globals.get(name)
  }

  /** Looks at what nobody has looked at: once, and then Node loads its part of the web platform. */
  readLazy(): void {
    this.begin()
    this.#readUnread()
  }

  /** Visits all globals that were there before the first cell; without a property those that nobody has looked at. */
  eachGlobal(visit: (name: PropertyKey, property: PropertyDescriptor | undefined) => void): void {
    this.#globals.forEach((property, name) => visit(name, property))
    for (let index = 0; index < this.#lazy.length; index++) {
      const name = this.#lazy[index] as string
      if (!this.#globals.has(name)) visit(name, undefined)
    }
  }

  /** Names an object of the engine. */
  define(name: string, value: object): void {
    this.#paths.set(value, [name])
    this.#values.set(stringify([name]), value)
  }

  /** Looks at what Node has loaded since; to be called, where cells cannot interfere, before a walk that asks for paths. */
  refresh(): void {
    this.begin()
    if (this.#state === 'begun') {
      this.#readUnread()
      this.#readGlobals()
    }
    this.#state = 'read'
    this.#readModules()
  }

  pathOf(value: unknown): Path | undefined {
    return this.#paths.get(value)
  }

  /** Undefined: this process has nothing there. */
  find(path: Path): unknown {
    const [root = '', ...keys] = path
    if (!root.startsWith('node:')) return this.#values.get(stringify(path))
    let value: unknown = getBuiltinModule(root)
    for (const key of keys) {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
      value = ownValue(value, key)
    }
    return value
  }

  /** A cell may have put something of its own in such a place, and then the place is the cell's. */
  #readUnread(): void {
    for (const name of this.#unread) {
      const property = getOwnPropertyDescriptor(globalThis, name)
      if (property !== undefined && this.#isOfNode(name, property.value)) this.#globals.set(name, property)
    }
    this.#unread = []
  }

  #isOfNode(name: string, value: unknown): boolean {
    if (typeof value === 'function') return !this.#isOfCells(value)
    // a namespace, such as `Temporal`
    return typeof value === 'object' && value !== null && ownValue(value, Symbol.toStringTag) === name
  }

  #readGlobals(): void {
    this.#add(globalThis, ['globalThis'])
    // what other functions are made with has no name of its own
    const intrinsics = {
      '%AsyncFunction%': getPrototypeOf(async () => {}),
      '%GeneratorFunction%': getPrototypeOf(function* () {}),
      '%AsyncGeneratorFunction%': getPrototypeOf(async function* () {}),
      '%TypedArray%': getPrototypeOf(Uint8Array),
    }
    for (const [name, value] of Object.entries(intrinsics)) this.#addWithMembers(value, [name])
    this.#globals.forEach(({ value }: { value?: unknown }, name) => {
      if (typeof name === 'string') this.#addWithMembers(value, [name])
    })
  }

  /** Only those that something has loaded already: loading one is not for a snapshot to do. */
  #readModules(): void {
    const { moduleLoadList } = process as unknown as { moduleLoadList?: readonly string[] }
    if (moduleLoadList === undefined || moduleLoadList.length === this.#modules) return
    this.#modules = moduleLoadList.length
    const loaded = new Set(moduleLoadList)
    for (const name of moduleNames) {
      if (loaded.has(`NativeModule ${name}`)) this.#addWithMembers(getBuiltinModule(name), [`node:${name}`])
    }
  }

  #addWithMembers(value: unknown, path: Path): void {
    if (!this.#add(value, path)) return
    for (const key of ownKeys(value as object)) {
      if (typeof key !== 'string') continue
      const member = ownValue(value as object, key)
      if (!this.#add(member, [...path, key]) || (key !== 'prototype' && key !== 'promises')) {
        // of a module: the classes that it exports
        if (typeof member === 'function' && path.length === 1) this.#addPrototype(member, [...path, key])
        continue
      }
      for (const inner of ownKeys(member as object)) {
        if (typeof inner === 'string') this.#add(ownValue(member as object, inner), [...path, key, inner])
      }
    }
  }

  #addPrototype(value: object, path: Path): void {
    this.#add(ownValue(value, 'prototype'), [...path, 'prototype'])
  }

  /** The first path stays. */
  #add(value: unknown, path: Path): boolean {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
    // a cell has put it there
    if (typeof value === 'function' && this.#isOfCells(value)) return false
    // two paths may lead to it
    if (path[0]?.startsWith('node:') !== true) this.#values.set(stringify(path), value)
    if (this.#paths.has(value)) return false
    this.#paths.set(value, path)
    return true
  }
}

/** Node loads its part of the web platform (undici, streams) when somebody looks at one of its classes. */
function isLazy(name: string): boolean {
  return matchesPattern(/^[A-Z]/, name) && !languageNames.has(name)
}
