import { builtinModules } from 'node:module'
import { getOwnPropertyDescriptor, ownKeys, SafeMap } from '../primordials.ts'
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
  #modules = 0
  #hasBegun = false

  /** What is global now is not of a cell. Only the first call counts. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    for (const key of ownKeys(globalThis)) {
      if (!this.#globals.has(key))
        this.#globals.set(key, getOwnPropertyDescriptor(globalThis, key) as PropertyDescriptor)
    }
    this.#readGlobals()
  }

  /** A global as it was before the first cell. */
  global(name: PropertyKey): PropertyDescriptor | undefined {
    return this.#globals.get(name)
  }

  /** Names an object of the engine. */
  define(name: string, value: object): void {
    this.#paths.set(value, [name])
    this.#values.set(stringify([name]), value)
  }

  /** Looks at what Node has loaded since; to be called before a walk that asks for paths. */
  refresh(): void {
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
    // two paths may lead to it
    if (path[0]?.startsWith('node:') !== true) this.#values.set(stringify(path), value)
    if (this.#paths.has(value)) return false
    this.#paths.set(value, path)
    return true
  }
}
