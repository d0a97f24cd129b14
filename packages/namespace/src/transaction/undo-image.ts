import type { BindingReport } from '@capsule/protocol'
import { globalProperty } from '../intrinsics.ts'
import { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } from '../primordials.ts'
import type { FunctionSources } from '../snapshot/function-sources.ts'
import type { ModuleExports } from '../snapshot/module-exports.ts'
import { extraKeys } from '../snapshot/extra-keys.ts'
import * as natives from '../snapshot/natives.ts'
import { nameOf, opaqueProblem, type Problem, PrototypeChains } from '../snapshot/unportable.ts'
import type { WellKnown } from '../snapshot/well-known.ts'
import { isSame, type SavedObject, saveObject } from './saved-object.ts'

export interface UndoOptions {
  readonly sources: FunctionSources
  readonly wellKnown: WellKnown
  readonly modules: ModuleExports
  /** Puts a global back, or removes it; says whether it could. */
  readonly define: (name: PropertyKey, property: PropertyDescriptor) => boolean
  readonly remove: (name: PropertyKey) => boolean
  /** Says of every name again how it was declared. */
  readonly redeclare: () => void
  /** What the history holds, by the names of a report. */
  readonly history: readonly (readonly [name: string, value: unknown])[]
  /** Objects of the engine that are the namespace's as well. */
  readonly own: readonly object[]
}

/**
 * What the namespace was before a cell: the globals of cells, and each object below them, one level deep. Objects keep
 * their identity when they are put back, so functions that hold them see them as they were.
 */
export class UndoImage {
  readonly #options: UndoOptions
  readonly #globals = new Map<PropertyKey, PropertyDescriptor>()
  readonly #saved = new Map<object, SavedObject | undefined>()
  /** Objects that may have changed where nobody can see it. */
  readonly #problems = new Map<object, Problem>()
  readonly #chains: PrototypeChains

  /** To be called where cells cannot interfere (`withIntrinsics`), as all of this class. */
  constructor(names: readonly PropertyKey[], options: UndoOptions) {
    this.#options = options
    this.#chains = new PrototypeChains(options)
    for (const name of names) {
      const property = globalProperty(name)
      if (property !== undefined) this.#globals.set(name, property)
    }
    for (const each of options.own) this.#saved.set(each, saveObject(each))
    for (const { value } of this.#globals.values()) this.#save(value)
    for (const [, value] of options.history) this.#save(value)
  }

  /** `names`: the globals of cells now. Reports what was put back and what may not be as before. */
  rollBack(names: readonly PropertyKey[]): BindingReport[] {
    const changed = new Map<object, Problem | undefined>()
    for (const [value, saved] of this.#saved) {
      const result = saved?.putBack() ?? 'unchanged'
      if (result === 'restored') changed.set(value, undefined)
      else if (result !== 'unchanged') changed.set(value, { reason: result, detail: 'it was frozen meanwhile' })
    }
    const report: BindingReport[] = []
    for (const [key, property] of this.#globals) {
      const name = textOf(key)
      const isChanged = !isSame(globalProperty(key), property)
      if (isChanged && !this.#options.define(key, property)) report.push({ name, status: 'skipped', ...fixed })
      else this.#report(name, property.value, isChanged, changed, report)
    }
    for (const key of names) {
      if (this.#globals.has(key)) continue
      const isGone = this.#options.remove(key)
      const outcome = isGone ? ({ status: 'restored', detail: 'there was none before' } as const) : lasting
      report.push({ name: textOf(key), ...outcome })
    }
    for (const [name, value] of this.#options.history) this.#report(name, value, false, changed, report)
    this.#options.redeclare()
    return report
  }

  #report(
    name: string,
    value: unknown,
    isChanged: boolean,
    changed: ReadonlyMap<object, Problem | undefined>,
    report: BindingReport[],
  ): void {
    const found = this.#lookBelow(value, changed)
    if (found.problem !== undefined) report.push({ name, status: 'skipped', ...found.problem })
    else if (isChanged || found.isChanged) report.push({ name, status: 'restored' })
  }

  /** Saves an object and all below it. */
  #save(root: unknown): void {
    const waiting: unknown[] = [root]
    while (waiting.length > 0) {
      const value = waiting.pop()
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || this.#saved.has(value))
        continue
      if (this.#isShared(value)) continue
      const problem = this.#problemOf(value)
      if (problem !== undefined) this.#problems.set(value, problem)
      // what is not the namespace's own data is left alone
      if (problem !== undefined && problem.reason !== 'private-state' && problem.reason !== 'local-closure') {
        this.#saved.set(value, undefined)
        continue
      }
      this.#saved.set(value, saveObject(value))
      for (const child of childrenOf(value)) waiting.push(child)
    }
  }

  /** Of the process, not of cells. */
  #isShared(value: object): boolean {
    const { wellKnown, modules, sources } = this.#options
    if (typeof value === 'function' && sources.find(natives.functionText(value)) !== undefined) return false
    return (wellKnown.pathOf(value) ?? modules.pathOf(value)) !== undefined
  }

  #problemOf(value: object): Problem | undefined {
    if (typeof value === 'function') {
      if (natives.isProxy(value)) return { reason: 'proxy', detail: 'a Proxy' }
      const facts = this.#options.sources.find(natives.functionText(value))
      if (facts === undefined || facts.captures.length === 0) return undefined
      const names = facts.captures.filter((name) => name !== 'this').slice(0, 5)
      if (names.length === 0) return undefined
      return { reason: 'local-closure', detail: `${nameOf(value)} uses ${names.join(', ')} of the code around it` }
    }
    const problem = opaqueProblem(value)
    return problem ?? this.#chains.problemOf(getPrototypeOf(value), baseOf(value))
  }

  /** What became of the objects below a value. */
  #lookBelow(
    root: unknown,
    changed: ReadonlyMap<object, Problem | undefined>,
  ): { isChanged: boolean; problem: Problem | undefined } {
    const seen = new Set<unknown>([root])
    let isChanged = false
    for (const value of seen) {
      if (!this.#saved.has(value as object)) continue
      const problem = this.#problems.get(value as object) ?? changed.get(value as object)
      if (problem !== undefined) return { isChanged, problem }
      if (changed.has(value as object)) isChanged = true
      for (const child of childrenOf(value as object)) seen.add(child)
    }
    return { isChanged, problem: undefined }
  }
}

const fixed: Problem = { reason: 'frozen', detail: 'the global cannot be changed any more' }
const lasting = {
  status: 'skipped',
  reason: 'frozen',
  detail: 'it was not there before, and cannot be removed',
} as const

function textOf(key: PropertyKey): string {
  return typeof key === 'symbol' ? `[${String(key)}]` : String(key)
}

const urlPrototype = URL.prototype

/** The prototype at which the chain of an object with insides of its own ends. */
function baseOf(value: object): object | null {
  for (let link = getPrototypeOf(value); link !== null; link = getPrototypeOf(link)) {
    if (slotted.has(link)) return hasSlots(value) ? link : null
  }
  return null
}

const slotted = new Set<object>(
  [
    Array, Map, Set, Date, RegExp, ArrayBuffer, DataView, Number, String, Boolean, BigInt, Symbol, URL, Buffer,
    Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError,
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    Float16Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
  ].map((each) => each.prototype as object), // prettier-ignore
)

function hasSlots(value: object): boolean {
  return Array.isArray(value) || natives.hasSlots(value) || getPrototypeOf(value) === urlPrototype
}

function* childrenOf(value: object): Generator<unknown, void> {
  yield getPrototypeOf(value)
  if (natives.isProxy(value)) return
  if (natives.isTypedArray(value)) {
    yield natives.typedArrayBuffer(value)
    for (const key of extraKeys(value, natives.typedArrayLength(value))) yield* heldBy(value, key)
    return
  }
  if (natives.isDataView(value)) yield natives.dataViewBuffer(value)
  if (natives.isMap(value)) {
    const children: unknown[] = []
    natives.forEachOfMap(value, (item, key) => children.push(key, item))
    yield* children
  } else if (natives.isSet(value)) {
    const children: unknown[] = []
    natives.forEachOfSet(value, (item) => children.push(item))
    yield* children
  }
  for (const key of ownKeys(value)) yield* heldBy(value, key)
}

function* heldBy(value: object, key: PropertyKey): Generator<unknown, void> {
  const property = getOwnPropertyDescriptor(value, key)
  if (property?.get !== undefined) yield property.get
  if (property?.set !== undefined) yield property.set
  yield property?.value
}
