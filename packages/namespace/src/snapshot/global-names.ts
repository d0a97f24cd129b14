import type { Bindings } from '../bindings.ts'
import type { Builtins } from '../builtins.ts'
import { runtimeName } from '../compile/compile.ts'
import type { History } from '../history.ts'
import {
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  is,
  listedDescriptor,
  ownKeys,
} from '../primordials.ts'
import type { WellKnown } from './well-known.ts'

export interface GlobalNamesOptions {
  readonly bindings: Bindings
  readonly builtins: Builtins
  readonly history: History
  readonly wellKnown: WellKnown
}

/** The properties of the global object that belong to cells. */
export class GlobalNames {
  readonly #options: GlobalNamesOptions

  constructor(options: GlobalNamesOptions) {
    this.#options = options
  }

  /** What cells have put on `globalThis` without declaring it, or in the place of what was there. */
  undeclared(): readonly (readonly [name: string, value: unknown])[] {
    const { bindings, builtins, history, wellKnown } = this.#options
    const found: [string, unknown][] = []
    for (const name of ownKeys(globalThis)) {
      if (typeof name !== 'string' || name === runtimeName || bindings.has(name) || history.owns(name)) continue
      const property = getOwnPropertyDescriptor(globalThis, name)
      // a getter is Node's, or would have to run
      if (property === undefined || property.get !== undefined || builtins.isOwn(name, property.value)) continue
      if (wellKnown.hasGlobal(name)) {
        const before = wellKnown.globalValue(name)
        // Node replaces some of its own getters by what they gave
        if (before === undefined || is(before, property.value)) continue
      }
      found.push([name, property.value])
    }
    return found
  }

  define(name: string, value: unknown): void {
    const property = getOwnPropertyDescriptor(globalThis, name)
    if (property === undefined || property.configurable === true) {
      defineProperty(globalThis, name, listedDescriptor(value))
    } else if (property.writable === true) defineProperty(globalThis, name, { ...property, value })
  }

  /** Makes the global what it was. */
  putBack(name: string, property: PropertyDescriptor): void {
    if (!defineProperty(globalThis, name, { __proto__: null, ...property } as PropertyDescriptor)) {
      this.define(name, property.value)
    }
  }

  /** A function declaration leaves a property that cannot be deleted: it is emptied. */
  remove(name: string): void {
    const { wellKnown } = this.#options
    const before = wellKnown.hasGlobal(name) ? wellKnown.globalValue(name) : undefined
    if (before !== undefined) this.define(name, before)
    else if (!deleteProperty(globalThis, name)) this.define(name, undefined)
  }
}
