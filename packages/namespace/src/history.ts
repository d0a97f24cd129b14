import { engineLimits } from './engine-limits.ts'
import {
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  hasOwn,
  listedDescriptor,
  ownKeys,
} from './primordials.ts'

const { isSafeInteger } = Number
const names = ['_', '__', '___', 'In', 'Out'] as const
type HistoryName = (typeof names)[number]

type Entries<T> = readonly (readonly [cell: number, value: T])[]

export interface HistoryContents {
  readonly inputs: Entries<unknown>
  readonly outputs: Entries<unknown>
  /** `_`, `__` and `___`. */
  readonly last: readonly [unknown, unknown, unknown]
}

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

  /** `In` and `Out` themselves. */
  get lists(): { readonly In: object; readonly Out: object } {
    return { In: this.#values.In as object, Out: this.#values.Out as object }
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

  /** All that it keeps, oldest first. */
  get contents(): HistoryContents {
    const { In, Out, _, __, ___ } = this.#values
    return { inputs: entriesOf(In as object), outputs: entriesOf(Out as object), last: [_, __, ___] }
  }

  /** The values it keeps, by the names that cells have for them. */
  get named(): readonly (readonly [name: string, value: unknown])[] {
    const { outputs, last } = this.contents
    return [
      ...outputs.map(([cell, value]) => [`Out[${cell}]`, value] as const),
      ...last.map((value, index) => [names[index] as string, value] as const),
    ]
  }

  /** Puts other contents in the place of its own; `In` and `Out` stay the objects they are. */
  replace({ inputs, outputs, last }: HistoryContents): void {
    const values = this.#values
    ;[values._, values.__, values.___] = last
    for (const [name, entries] of [
      ['In', inputs],
      ['Out', outputs],
    ] as const) {
      const list = values[name] as object
      for (const key of ownKeys(list)) deleteProperty(list, key)
      for (const [cell, value] of entries.slice(-engineLimits.history)) this.#set(name, cell, value)
    }
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

function entriesOf(list: object): [number, unknown][] {
  const entries: [number, unknown][] = []
  for (const key of ownKeys(list)) {
    // what the user has put there is not the engine's
    const cell = typeof key === 'string' ? +key : NaN
    if (cell > 0 && isSafeInteger(cell) && key === `${cell}`)
      entries.push([cell, getOwnPropertyDescriptor(list, key)?.value])
  }
  return entries
}
