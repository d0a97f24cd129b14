import { builtinModules } from 'node:module'
import { ownKeys } from '../primordials.ts'
import { ownValue } from './natives.ts'

type Path = readonly string[]

const { getPrototypeOf } = Object
const { getBuiltinModule } = process
const moduleNames = builtinModules.filter((name) => !name.startsWith('_'))

/**
 * What every process has: globals, their members, and those of Node's modules. Such an object is not copied into a
 * snapshot; its path is.
 */
export class WellKnown {
  /** As they were before the first cell. */
  readonly #globals = new Map<string, unknown>()
  readonly #paths = new Map<unknown, Path>()
  #modules = 0
  #hasBegun = false
  #isRead = false

  /** What is global now is not of a cell. Only the first call counts. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    for (const key of ownKeys(globalThis)) {
      if (typeof key === 'string' && !this.#globals.has(key)) this.#globals.set(key, ownValue(globalThis, key))
    }
  }

  /** Whether a global of this name was there before the first cell. */
  hasGlobal(name: string): boolean {
    return this.#globals.has(name)
  }

  /** What that global held, unless it is computed when asked for. */
  globalValue(name: string): unknown {
    return this.#globals.get(name)
  }

  /** Names one more object. */
  define(name: string, value: object): void {
    this.#globals.set(name, value)
    this.#paths.set(value, [name])
  }

  /** Looks at what Node has loaded since; to be called before a walk that asks for paths. */
  refresh(): void {
    if (!this.#isRead) this.#readGlobals()
    this.#isRead = true
    this.#readModules()
  }

  pathOf(value: unknown): Path | undefined {
    return this.#paths.get(value)
  }

  /** Undefined: this process has nothing there. */
  find(path: Path): unknown {
    const [root = '', ...keys] = path
    let value = root.startsWith('node:') ? getBuiltinModule(root) : this.#globals.get(root)
    for (const key of keys) {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
      value = ownValue(value, key)
    }
    return value
  }

  #readGlobals(): void {
    this.#add(globalThis, ['globalThis'])
    this.#globals.set('globalThis', globalThis)
    // what other functions are made with has no name of its own
    const intrinsics = {
      '%AsyncFunction%': getPrototypeOf(async () => {}),
      '%GeneratorFunction%': getPrototypeOf(function* () {}),
      '%AsyncGeneratorFunction%': getPrototypeOf(async function* () {}),
      '%TypedArray%': getPrototypeOf(Uint8Array),
    }
    for (const [name, value] of Object.entries(intrinsics)) this.#globals.set(name, value)
    for (const [name, value] of this.#globals) this.#addWithMembers(value, [name])
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
    if (this.#paths.has(value)) return false
    this.#paths.set(value, path)
    return true
  }
}
