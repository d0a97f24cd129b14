import { engineLimits } from './engine-limits.ts'
import { defineProperty, deleteProperty, getOwnPropertyDescriptor, hasOwn, listedDescriptor } from './primordials.ts'

const names = ['_', '__', '___', 'In', 'Out'] as const
type HistoryName = (typeof names)[number]

/**
 * `In` (sources) and `Out` (values) by cell number, and `_`, `__`, `___`: the last three values.
 * Whoever assigns one of these names owns it; deleted, it is the engine's again when the next cell ends.
 */
export class History {
  readonly #values: Record<HistoryName, unknown> = {
    _: undefined,
    __: undefined,
    ___: undefined,
    In: {},
    Out: {},
  }
  readonly #getters: Record<HistoryName, () => unknown>

  constructor() {
    const values = this.#values
    this.#getters = {
      _: () => values._,
      __: () => values.__,
      ___: () => values.___,
      In: () => values.In,
      Out: () => values.Out,
    }
    this.install()
  }

  /** Whether the engine (not the user) provides this global now. */
  owns(name: string): boolean {
    const getter = (this.#getters as Record<string, unknown>)[name]
    return getter !== undefined && getOwnPropertyDescriptor(globalThis, name)?.get === getter
  }

  open(cell: number, source: string): void {
    this.#set('In', cell, source)
    this.#forget('In', cell)
  }

  close(cell: number, value: unknown): void {
    if (value !== undefined) {
      this.#set('Out', cell, value)
      const values = this.#values
      values.___ = values.__
      values.__ = values._
      values._ = value
    }
    this.#forget('Out', cell)
    this.install()
  }

  install(): void {
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as HistoryName
      if (hasOwn(globalThis, name)) continue
      defineProperty(globalThis, name, {
        __proto__: null,
        get: this.#getters[name],
        set: (value: unknown) => defineProperty(globalThis, name, listedDescriptor(value)),
        enumerable: false,
        configurable: true,
      } as PropertyDescriptor)
    }
  }

  uninstall(): void {
    for (const name of names) if (this.owns(name)) deleteProperty(globalThis, name)
  }

  // the user may have frozen the object: then nothing is stored, and nothing throws
  #set(name: 'In' | 'Out', cell: number, value: unknown): void {
    defineProperty(this.#values[name] as object, cell, listedDescriptor(value))
  }

  #forget(name: 'In' | 'Out', cell: number): void {
    if (cell > engineLimits.history) deleteProperty(this.#values[name] as object, cell - engineLimits.history)
  }
}
