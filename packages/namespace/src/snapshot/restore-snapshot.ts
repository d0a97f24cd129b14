import type { BindingReport, RestoreMode } from '@capsule/protocol'
import type { Binding, Bindings } from '../bindings.ts'
import type { CellPreparer } from '../cell-preparer.ts'
import { runtimeName } from '../compile/compile.ts'
import type { History, HistoryContents } from '../history.ts'
import { globalProperty } from '../intrinsics.ts'
import { ByteSource, malformed } from './byte-source.ts'
import { lastNames, type RootKind } from './capture-snapshot.ts'
import type { GlobalNames } from './global-names.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { skipValue } from './record-references.ts'
import { SnapshotBuilder, type SnapshotBuilderOptions } from './snapshot-builder.ts'
import type { Problem } from './unportable.ts'
import { recordKind } from './value-tags.ts'

export interface RestoreParts {
  readonly bindings: Bindings
  readonly history: History
  readonly preparer: CellPreparer
  readonly names: GlobalNames
  readonly builder: SnapshotBuilderOptions
  /** Takes what undoes everything, should code of the snapshot be terminated. */
  readonly recovery: (undo: (() => void) | undefined) => void
}

/** Puts a snapshot in the place of the namespace, or over it. @throws MalformedSnapshot: all is as it was */
export function restoreSnapshot(snapshot: ReadSnapshot, mode: RestoreMode, parts: RestoreParts): BindingReport[] {
  return new Restore(snapshot, mode, parts).run()
}

const fixedGlobal: Problem = { reason: 'frozen', detail: 'there is a global of this name that cannot be changed' }

class Restore {
  readonly #snapshot: ReadSnapshot
  readonly #mode: RestoreMode
  readonly #parts: RestoreParts
  readonly #builder: SnapshotBuilder
  /** The names of the bindings that hold the object of a record. */
  readonly #namesOf = new Map<number, string[]>()
  /** What each global was before it was touched. */
  readonly #before = new Map<string, PropertyDescriptor | undefined>()

  constructor(snapshot: ReadSnapshot, mode: RestoreMode, parts: RestoreParts) {
    this.#snapshot = snapshot
    this.#mode = mode
    this.#parts = parts
    for (const [name] of snapshot.index.bindings) if (name === runtimeName) throw malformed('a name is reserved')
    this.#checkRoots()
    this.#builder = new SnapshotBuilder(snapshot, parts.builder)
  }

  run(): BindingReport[] {
    const { names, recovery } = this.#parts
    const undo = (): void => {
      for (const [name, property] of this.#before) {
        if (property === undefined) names.remove(name)
        else names.putBack(name, property)
      }
    }
    recovery(undo)
    try {
      this.#build()
      recovery(undefined)
      return this.#commit()
    } catch (error) {
      recovery(undefined)
      undo()
      throw error
    }
  }

  #build(): void {
    const builder = this.#builder
    const onBuilt = (id: number): void => {
      for (const name of this.#namesOf.get(id) ?? []) this.#define(name, builder.objectOf(id))
    }
    builder.buildReferences()
    // functions and modules are there for the classes that extend or use them
    for (const id of this.#namesOf.keys()) if (builder.isBuilt(id)) onBuilt(id)
    builder.buildClasses(onBuilt, { all: false })
    builder.buildData()
    this.#eachBinding(({ name, value }) => void this.#define(name, value))
    builder.buildClasses(onBuilt, { all: true })
    builder.finish()
  }

  #commit(): BindingReport[] {
    const { bindings, names, history, preparer } = this.#parts
    const { index } = this.#snapshot
    const placed: (readonly [place: number, report: BindingReport, binding: Binding | undefined])[] = []
    const kept = new Set<string>()
    const rest = this.#eachBinding(({ name, kind, cell, place, value, record }) => {
      const problem = this.#builder.problemOf(record)
      const isDefined = problem === undefined && this.#define(name, value)
      const own = this.#reportOf(name, kind, record, problem ?? (isDefined ? undefined : fixedGlobal))
      placed.push([place, own, isDefined && kind !== 'global' ? { kind, cell } : undefined])
      if (isDefined) kept.add(name)
    })
    const report: BindingReport[] = []
    for (const [, own, binding] of placed.sort(([a], [b]) => a - b)) {
      report.push(own)
      // in this order
      bindings.delete(own.name)
      if (binding !== undefined) bindings.set(own.name, binding)
    }
    const isReplaced = this.#mode === 'replace'
    for (const [name] of index.bindings) {
      if (kept.has(name)) continue
      // skipped: what code of the snapshot may have seen under the name was not the whole value
      this.#putBack(name)
    }
    if (isReplaced) {
      const old: (readonly [name: string, key: PropertyKey])[] = []
      bindings.forEach((name) => old.push([name, name]))
      for (const { name, key } of names.undeclared()) old.push([name, key ?? name])
      for (const [name, key] of old) {
        if (kept.has(name)) continue
        bindings.delete(name)
        if (names.remove(key) || placed.some(([, own]) => own.name === name)) continue
        report.push({ name, status: 'skipped', reason: 'frozen', detail: 'it was there before and cannot be removed' })
      }
      history.replace(this.#history(rest, report))
      preparer.cells = index.cells
    }
    return report
  }

  #history(source: ByteSource, report: BindingReport[]): HistoryContents {
    const { index } = this.#snapshot
    const take = (name: string): { value: unknown } | undefined => {
      const { value, record } = this.#builder.root(source)
      const problem = this.#builder.problemOf(record)
      if (problem === undefined) return { value }
      report.push({ name, status: 'skipped', ...problem })
      return undefined
    }
    const outputs = index.outputs.flatMap((cell) => {
      const taken = take(`Out[${cell}]`)
      return taken === undefined ? [] : [[cell, taken.value] as const]
    })
    const last: [unknown, unknown, unknown] = [undefined, undefined, undefined]
    for (const at of index.last) last[at] = take(lastNames[at] as string)?.value
    return { inputs: index.inputs, outputs, last }
  }

  #reportOf(name: string, kind: string, record: number, problem: Problem | undefined): BindingReport {
    if (problem !== undefined) return { name, status: 'skipped', ...problem }
    const recorded = this.#snapshot.kinds[record] ?? 0
    const isEvaluated =
      kind === 'import' ||
      recorded === recordKind.function ||
      recorded === recordKind.member ||
      recorded === recordKind.module ||
      recorded === recordKind.wellKnown
    return { name, status: isEvaluated ? 're-evaluated' : 'restored' }
  }

  #define(name: string, value: unknown): boolean {
    if (!this.#before.has(name)) this.#before.set(name, globalProperty(name))
    return this.#parts.names.define(name, value)
  }

  #putBack(name: string): void {
    const property = this.#before.get(name)
    if (property !== undefined) this.#parts.names.putBack(name, property)
    else if (this.#before.has(name)) this.#parts.names.remove(name)
  }

  /** Visits the roots of the bindings in order; returns where those of the history follow. */
  #eachBinding(
    visit: (
      root: ReturnType<SnapshotBuilder['root']> & {
        name: string
        kind: RootKind
        cell: number
        place: number
      },
    ) => void,
  ): ByteSource {
    const source = this.#roots()
    for (const [name, kind, cell, place] of this.#snapshot.index.bindings) {
      visit({ ...this.#builder.root(source), name, kind, cell, place })
    }
    return source
  }

  #roots(): ByteSource {
    return new ByteSource(this.#snapshot.source, this.#snapshot.rootsStart)
  }

  #checkRoots(): void {
    const { kinds, index } = this.#snapshot
    const source = this.#roots()
    for (const [name] of index.bindings) {
      const record = skipValue(source, kinds.length)
      if (record < 0) continue
      const names = this.#namesOf.get(record)
      if (names === undefined) this.#namesOf.set(record, [name])
      else names.push(name)
    }
    for (let left = index.outputs.length + index.last.length; left > 0; left--) skipValue(source, kinds.length)
    if (!source.isAtEnd) throw malformed('bytes follow the values')
  }
}
