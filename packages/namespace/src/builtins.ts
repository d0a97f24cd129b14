import { dirname, join } from 'node:path'
import type { Execution } from './execution.ts'
import { dataDescriptor, defineProperty, deleteProperty, getOwnPropertyDescriptor, SafeMap } from './primordials.ts'

/** Globals that cells may shadow or overwrite and that are not listed as bindings. They may come and go; what cells put in their place is theirs. */
export class Builtins {
  /** As they are, or would be if cells had not put something else there. */
  readonly #properties = new SafeMap<string, PropertyDescriptor>()
  /** What Node has under a name that ever was one of these. */
  readonly #hidden = new SafeMap<string, PropertyDescriptor | undefined>()
  readonly #isDeclared: (name: string) => boolean

  /** `isDeclared`: by a cell. */
  constructor(isDeclared: (name: string) => boolean = () => false) {
    this.#isDeclared = isDeclared
  }

  define(name: string, value: unknown): void {
    this.#define(name, dataDescriptor(value))
  }

  defineGetter(name: string, get: () => unknown): void {
    this.#define(name, { __proto__: null, get, enumerable: false, configurable: true } as PropertyDescriptor)
  }

  /** Whether the global still is what was defined here. */
  isOwn(name: string, value: unknown): boolean {
    const property = this.#properties.get(name)
    return property !== undefined && property.value === value
  }

  /** What the global is where cells have not touched it; the answer is undefined for a name that never was one of these. */
  untouched(name: PropertyKey): { readonly property: PropertyDescriptor | undefined } | undefined {
    if (typeof name !== 'string') return undefined
    const property = this.#properties.get(name)
    if (property !== undefined) return { property }
    return this.#hidden.has(name) ? { property: this.#hidden.get(name) } : undefined
  }

  /** Visits all of them as they are where cells have not touched them. */
  each(visit: (name: string, property: PropertyDescriptor) => void): void {
    this.#properties.forEach((property, name) => visit(name, property))
  }

  /** What those are that stay as long as the process; `module` and its exports are renewed. */
  get values(): readonly (readonly [name: string, value: unknown])[] {
    const found: [string, unknown][] = []
    this.#properties.forEach(({ value }, name) => {
      if (name !== 'module' && name !== 'exports') found.push([name, value as unknown])
    })
    return found
  }

  /** Takes away what was defined, unless cells have put something else there; what Node had is back then. */
  undefine(name: string): void {
    if (!this.#properties.has(name)) return
    const present = getOwnPropertyDescriptor(globalThis, name)
    if (present !== undefined && !this.#isOfCells(name, present)) this.#putBack(name)
    this.#properties.delete(name)
  }

  remove(): void {
    this.#properties.forEach((_, name) => this.#putBack(name))
  }

  #putBack(name: string): void {
    const hidden = this.#hidden.get(name)
    if (hidden === undefined) deleteProperty(globalThis, name)
    else defineProperty(globalThis, name, hidden)
  }

  #define(name: string, property: PropertyDescriptor): void {
    const present = getOwnPropertyDescriptor(globalThis, name)
    if (present === undefined || !this.#isOfCells(name, present)) {
      if (!defineProperty(globalThis, name, property)) return
      if (!this.#hidden.has(name)) this.#hidden.set(name, present)
    }
    this.#properties.set(name, property)
  }

  #isOfCells(name: string, present: PropertyDescriptor): boolean {
    const untouched = this.untouched(name)
    if (untouched === undefined) return this.#isDeclared(name)
    const { property } = untouched
    // Node replaces some of its own getters by what they gave
    if (property?.get !== undefined && present.get === undefined) return this.#isDeclared(name)
    return property === undefined || property.value !== present.value || property.get !== present.get
  }
}

export interface CellBuiltinsOptions {
  readonly cwd: string
  /** Absent: cells have no modules. */
  readonly require?: NodeJS.Require
  /** The execution that caused the code running now. */
  readonly current: () => Execution | undefined
  /** Of `capsule`, beside its own. */
  readonly members: Readonly<Record<string, unknown>> | undefined
}

/** `capsule`, and what CommonJS code expects around it. */
export function defineCellBuiltins(builtins: Builtins, { cwd, require, current, members }: CellBuiltinsOptions): void {
  const nowhere = join(cwd, '[cells]')
  const filename = (): string => current()?.filename ?? nowhere
  builtins.define('capsule', capsuleOf(current, members))
  if (require !== undefined) builtins.define('require', require)
  defineModule(builtins)
  builtins.defineGetter('__filename', filename)
  builtins.defineGetter('__dirname', () => dirname(filename()))
}

/** `module` and `exports`, with nothing exported. */
export function defineModule(builtins: Builtins): void {
  const module = { exports: {} }
  builtins.define('module', module)
  builtins.define('exports', module.exports)
}

function capsuleOf(current: CellBuiltinsOptions['current'], members: CellBuiltinsOptions['members']): object {
  return Object.freeze({
    ...members,
    /** Aborts when the execution is cancelled; undefined in code that no execution caused. */
    get signal(): AbortSignal | undefined {
      return current()?.signal
    },
    get executionId(): string | undefined {
      return current()?.id
    },
    /** The number in `In` and `Out`; 0 without history. */
    get cell(): number | undefined {
      return current()?.cell
    },
  })
}
