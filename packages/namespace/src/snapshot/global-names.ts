import type { Bindings } from '../bindings.ts'
import type { Builtins } from '../builtins.ts'
import { defineGlobal, deleteGlobal, globalProperty } from '../intrinsics.ts'
import { runtimeName } from '../compile/compile.ts'
import type { History } from '../history.ts'
import { apply, getOwnPropertyDescriptor, getPrototypeOf, is, listedDescriptor, ownKeys } from '../primordials.ts'
import type { SnapshotBinding } from './capture-snapshot.ts'
import type { FunctionSources } from './function-sources.ts'
import { functionText } from './natives.ts'
import type { Problem } from './unportable.ts'
import type { WellKnown } from './well-known.ts'

export interface GlobalNamesOptions {
  readonly bindings: Bindings
  readonly builtins: Builtins
  readonly history: History
  readonly wellKnown: WellKnown
  readonly sources: FunctionSources
}

/** The properties of the global object that belong to cells. */
export class GlobalNames {
  readonly #options: GlobalNamesOptions

  constructor(options: GlobalNamesOptions) {
    this.#options = options
  }

  /** What cells have put on `globalThis` without declaring it, or in the place of what was there. */
  undeclared(): readonly SnapshotBinding[] {
    const { bindings, builtins, history } = this.#options
    const found: SnapshotBinding[] = []
    for (const key of ownKeys(globalThis)) {
      const property = globalProperty(key)
      const before = this.#untouched(key)
      if (property === undefined || (before !== undefined && isSameProperty(property, before))) continue
      const { value } = property as { value: unknown }
      const global = { kind: 'global', cell: 0, value } as const
      if (typeof key === 'symbol') {
        const name = `[${String(key)}]`
        // undici keeps its dispatcher there
        if (!name.includes('undici')) found.push({ ...global, name, key, problem: symbolProblem })
        continue
      }
      if (key === runtimeName || bindings.has(key) || history.owns(key)) continue
      if (property.writable === undefined) {
        // a getter would have to run
        if (before === undefined || before.get !== property.get) {
          found.push({ ...global, name: key, problem: accessorProblem })
        }
      } else if (!builtins.isOwn(key, value) && !this.#isEmptied(property) && !this.#isOfNode(before, value)) {
        found.push({ ...global, name: key })
      }
    }
    const replaced = this.#replacedInside()
    return replaced.length === 0 ? found : [...found, ...replaced]
  }

  /** Says whether the global is now as asked for. */
  define(key: PropertyKey, value: unknown): boolean {
    const property = globalProperty(key)
    if (property === undefined || property.configurable === true) {
      return defineGlobal(key, listedDescriptor(value))
    }
    if (property.writable !== true) return property.writable === false && is(property.value, value)
    return defineGlobal(key, { __proto__: null, value } as PropertyDescriptor)
  }

  /** Makes the global what it was. */
  putBack(key: PropertyKey, property: PropertyDescriptor): boolean {
    const within = property.get === undefined ? undefined : inside.find(({ get }) => get === property.get)
    if (within?.set !== undefined && property.set === within.set) apply(within.set, globalThis, [within.value])
    if (defineGlobal(key, { __proto__: null, ...property } as PropertyDescriptor)) return true
    return property.writable !== undefined && this.define(key, property.value)
  }

  /** A function declaration leaves a property that cannot be deleted: it is emptied. Says whether the global is gone. */
  remove(key: PropertyKey): boolean {
    const before = this.#untouched(key)
    if (before !== undefined) return this.putBack(key, before)
    return deleteGlobal(key) || this.define(key, undefined)
  }

  /**
   * Puts back what cells have deleted of the globals that were there before the first of them, and names those that are
   * still not as they were.
   */
  putAllBack(report: (name: string) => void): void {
    const { builtins, wellKnown } = this.#options
    const putBack = (key: PropertyKey, before: PropertyDescriptor | undefined): void => {
      const now = globalProperty(key)
      if (now !== undefined && (before === undefined || areLike(now, before))) return
      if (before === undefined || !this.putBack(key, before)) report(`globalThis.${String(key)}`)
    }
    wellKnown.eachGlobal((key, before) => {
      if (builtins.untouched(key) === undefined) putBack(key, before)
    })
    builtins.each(putBack)
  }

  /** A global as it is where cells have not touched it: builtins may have changed since the first cell. */
  #untouched(key: PropertyKey): PropertyDescriptor | undefined {
    const { builtins, wellKnown } = this.#options
    const builtin = builtins.untouched(key)
    return builtin === undefined ? wellKnown.global(key) : builtin.property
  }

  /** What `remove` leaves. */
  #isEmptied({ configurable, value }: PropertyDescriptor): boolean {
    return configurable === false && value === undefined
  }

  /** Node replaces some of its own getters by what they gave. */
  #isOfNode(before: PropertyDescriptor | undefined, value: unknown): boolean {
    if (before?.get === undefined) return before !== undefined && is(before.value, value)
    if (typeof value === 'function') return this.#options.sources.find(functionText(value)) === undefined
    if (typeof value !== 'object' || value === null) return false
    const prototype = getPrototypeOf(value)
    return prototype !== null && prototype !== Object.prototype && prototype !== Array.prototype
  }

  /** `process = ...` and `Buffer = ...` go through setters of Node. */
  #replacedInside(): SnapshotBinding[] {
    return inside.flatMap(({ name, get, value }) => {
      const property = globalProperty(name)
      if (property === undefined || property.get !== get || get === undefined) return []
      const now: unknown = apply(get, globalThis, [])
      return is(now, value) ? [] : [{ name, kind: 'global', cell: 0, value: now, problem: accessorProblem } as const]
    })
  }
}

const accessorProblem: Problem = { reason: 'native-object', detail: 'a global with a getter' }
const symbolProblem: Problem = { reason: 'native-object', detail: 'a global whose name is a symbol' }

const inside = ['process', 'Buffer'].map((name) => ({
  name,
  get: getOwnPropertyDescriptor(globalThis, name)?.get,
  set: getOwnPropertyDescriptor(globalThis, name)?.set,
  value: (globalThis as Record<string, unknown>)[name],
}))

/** Node replaces some of its own getters by what they gave. */
function areLike(now: PropertyDescriptor, before: PropertyDescriptor): boolean {
  if (before.get !== undefined) return now.get === before.get || now.get === undefined
  return isSameProperty(now, before) && now.writable === before.writable && now.configurable === before.configurable
}

function isSameProperty(now: PropertyDescriptor, before: PropertyDescriptor): boolean {
  return is(now.value, before.value) && now.get === before.get && now.set === before.set
}
