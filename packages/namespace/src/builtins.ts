import { dirname, join } from 'node:path'
import type { Execution } from './execution.ts'
import { dataDescriptor, defineProperty, deleteProperty, getOwnPropertyDescriptor, SafeMap } from './primordials.ts'

/** Globals that cells may shadow or overwrite and that are not listed as bindings. */
export class Builtins {
  readonly #values = new SafeMap<string, unknown>()
  /** What Node had under the name. */
  readonly #hidden = new SafeMap<string, PropertyDescriptor>()

  define(name: string, value: unknown): void {
    this.#define(name, dataDescriptor(value))
  }

  defineGetter(name: string, get: () => unknown): void {
    this.#define(name, { __proto__: null, get, enumerable: false, configurable: true } as PropertyDescriptor)
  }

  /** Whether the global still is what was defined here. */
  isOwn(name: string, value: unknown): boolean {
    return this.#values.has(name) && this.#values.get(name) === value
  }

  /** Takes away what was defined, unless cells have put something else there; what Node had is back then. */
  undefine(name: string): void {
    if (!this.#values.has(name)) return
    const present = getOwnPropertyDescriptor(globalThis, name)
    if (present !== undefined && present.value === this.#values.get(name)) this.#putBack(name)
    this.#values.delete(name)
    this.#hidden.delete(name)
  }

  remove(): void {
    this.#values.forEach((_, name) => this.#putBack(name))
  }

  #putBack(name: string): void {
    const hidden = this.#hidden.get(name)
    if (hidden === undefined) deleteProperty(globalThis, name)
    else defineProperty(globalThis, name, hidden)
  }

  #define(name: string, descriptor: PropertyDescriptor): void {
    const before = this.#values.has(name) ? undefined : getOwnPropertyDescriptor(globalThis, name)
    if (!defineProperty(globalThis, name, descriptor)) return
    if (before !== undefined) this.#hidden.set(name, before)
    this.#values.set(name, descriptor.value)
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
  const module = { exports: {} }
  builtins.define('capsule', capsuleOf(current, members))
  if (require !== undefined) builtins.define('require', require)
  builtins.define('module', module)
  builtins.define('exports', module.exports)
  builtins.defineGetter('__filename', filename)
  builtins.defineGetter('__dirname', () => dirname(filename()))
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
