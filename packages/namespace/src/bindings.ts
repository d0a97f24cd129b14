import type { BindingKind, Declaration } from './compile/compile.ts'
import { runtimeName } from './compile/compile.ts'
import { globalProperty } from './intrinsics.ts'
import {
  dataDescriptor,
  defineProperty,
  getOwnPropertyDescriptor,
  is,
  listedDescriptor,
  SafeMap,
} from './primordials.ts'

export interface Binding {
  readonly kind: BindingKind
  /** The number of the cell that declared it last; 0 when that cell has none. */
  readonly cell: number
  readonly source?: string | undefined
}

/** Which globals are top-level declarations of cells. The values live on `globalThis` alone. */
export class Bindings {
  readonly #bindings = new SafeMap<string, Binding>()

  get size(): number {
    return this.#bindings.size
  }

  /** What stands for the name now; one that was deleted from `globalThis` is no binding any more. */
  find(name: string): Binding | undefined {
    const binding = this.#bindings.get(name)
    if (binding === undefined || globalProperty(name) !== undefined) return binding
    this.#bindings.delete(name)
    return undefined
  }

  forEach(visit: (name: string, binding: Binding) => void): void {
    this.#bindings.forEach((_, name) => {
      const binding = this.find(name)
      if (binding !== undefined) visit(name, binding)
    })
  }

  has(name: string): boolean {
    return this.#bindings.has(name)
  }

  set(name: string, binding: Binding): void {
    this.#bindings.set(name, binding)
  }

  delete(name: string): void {
    this.#bindings.delete(name)
  }

  /**
   * Takes in what a cell declares. Of a cell that has not completed (it threw, was terminated or still runs), a name
   * counts once its value has changed: a `const` whose initialiser failed is not one, so the next cell can assign it.
   */
  adopt(
    declarations: readonly Declaration[],
    cell: number,
    before: readonly unknown[],
    { isComplete }: { isComplete: boolean },
  ): void {
    for (let index = 0; index < declarations.length; index++) {
      const { name, kind, source } = declarations[index] as Declaration
      const property = getOwnPropertyDescriptor(globalThis, name)
      if (property === undefined) continue
      if (!isComplete && kind !== 'var' && is(property.value, before[index])) continue
      this.#bindings.set(name, { kind, cell, source })
    }
  }
}

/** What the declared names hold now; getters do not run. */
export function valuesOf(declarations: readonly Declaration[]): readonly unknown[] {
  const values: unknown[] = []
  for (let index = 0; index < declarations.length; index++) {
    const { name } = declarations[index] as Declaration
    defineProperty(values, index, dataDescriptor(getOwnPropertyDescriptor(globalThis, name)?.value))
  }
  return values
}

/**
 * Makes room for declarations. A new name gets a property that can be deleted again, which `var` alone would not make. A
 * global that is a getter or read-only (`navigator`, `crypto`, `_`) would swallow the assignment that a declaration becomes.
 */
export function makeRoom(declarations: readonly Declaration[]): void {
  for (let index = 0; index < declarations.length; index++) {
    const { name, kind } = declarations[index] as Declaration
    const property = getOwnPropertyDescriptor(globalThis, name)
    if (property === undefined) {
      if (kind !== 'function') defineProperty(globalThis, name, listedDescriptor(undefined))
    } else if (property.writable !== true && property.configurable === true && name !== runtimeName) {
      defineProperty(globalThis, name, dataDescriptor(kind === 'var' ? currentValue(name) : undefined))
    }
  }
}

// `var x` without an initialiser keeps the value that was there
function currentValue(name: string): unknown {
  try {
    return (globalThis as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
