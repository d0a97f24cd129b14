import type { BindingReport, CapturedNamespace } from '@capsule/protocol'
import type { BindingKind } from '../compile/compile.ts'
import { ByteSink } from './byte-sink.ts'
import type { ModulePath } from './module-exports.ts'
import { functionText } from './natives.ts'
import { SnapshotWriter, type SnapshotWriterOptions } from './snapshot-writer.ts'
import type { SourceEntry } from './source-entry.ts'
import type { Problem } from './unportable.ts'
import { snapshotMagic, snapshotVersion } from './value-tags.ts'

/** `global`: what cells have put on `globalThis` without declaring it. */
export type RootKind = BindingKind | 'global'

export interface SnapshotBinding {
  readonly name: string
  /** Of a global, where it is not the name. */
  readonly key?: symbol
  readonly kind: RootKind
  /** The cell that declared it last. */
  readonly cell: number
  readonly value: unknown
  /** Why it cannot be carried over whatever its value is. */
  readonly problem?: Problem
}

export interface SnapshotHistory {
  /** How many cells were numbered. */
  readonly cells: number
  readonly inputs: readonly (readonly [cell: number, source: string])[]
  readonly outputs: readonly (readonly [cell: number, value: unknown])[]
  /** `_`, `__` and `___`. */
  readonly last: readonly [unknown, unknown, unknown]
}

/** All of a snapshot but its values, as JSON in front of them. */
export interface SnapshotIndex {
  readonly cells: number
  /** `place`: in the order in which they were declared. */
  readonly bindings: readonly (readonly [name: string, kind: RootKind, cell: number, place: number])[]
  readonly inputs: readonly (readonly [cell: number, source: string])[]
  readonly outputs: readonly number[]
  /** Which of `_`, `__`, `___` were carried over. */
  readonly last: readonly number[]
  /** A number is that of a symbol's record. */
  readonly keys: readonly (string | number)[]
  readonly shapes: readonly (readonly number[])[]
  readonly sources: readonly SourceEntry[]
  readonly modules: readonly ModulePath[]
}

const { stringify } = JSON
const toBytes = Buffer.from.bind(Buffer) as (text: string) => Buffer
export const lastNames = ['_', '__', '___'] as const

/** To be called where cells cannot interfere (`withIntrinsics`): it parses, and runs no code of theirs. */
export function captureSnapshot(
  bindings: readonly SnapshotBinding[],
  history: SnapshotHistory,
  options: Omit<SnapshotWriterOptions, 'inputBytes'>,
): CapturedNamespace {
  const report: BindingReport[] = []
  const { inputs, inputBytes } = inputsWithin(history.inputs, options.limitBytes / 2, report)
  const writer = new SnapshotWriter({ ...options, inputBytes })
  const kept: SnapshotBinding[] = []
  const skipped = new Set<string>()
  // classes come first, so that their methods are known wherever they turn up
  for (const binding of [...bindings].sort((a, b) => rankOf(a.value) - rankOf(b.value))) {
    const { name, value } = binding
    const problem = binding.problem ?? writer.root(name, value)
    if (problem !== undefined) skipped.add(name)
    else kept.push(binding)
    report.push(problem === undefined ? { name, status: statusOf(value, binding, options) } : skip(name, problem))
  }
  const outputs = history.outputs.filter(([cell, value]) => {
    const name = `Out[${cell}]`
    const problem = writer.root(name, value)
    if (problem !== undefined) report.push(skip(name, problem))
    return problem === undefined
  })
  const last = lastNames.flatMap((name, index) => {
    const problem = writer.root(name, history.last[index])
    if (problem !== undefined) report.push(skip(name, problem))
    return problem === undefined ? [index] : []
  })
  const order = new Map(bindings.map(({ name }, at) => [name, at]))
  const index: SnapshotIndex = {
    cells: history.cells,
    bindings: kept.map(({ name, kind, cell }) => [name, kind, cell, order.get(name) as number]),
    inputs,
    outputs: outputs.map(([cell]) => cell),
    last,
    keys: writer.keys.map((key) => (typeof key === 'string' ? key : (writer.idOf(key) as number))),
    shapes: writer.shapes,
    sources: writer.sources,
    modules: writer.modulePaths,
  }
  const values = new Map(bindings.map(({ name, value }) => [name, value]))
  const sorted = report.sort((a, b) => (order.get(a.name) ?? Infinity) - (order.get(b.name) ?? Infinity) || 0)
  return {
    snapshotVersion,
    payload: payloadOf(index, writer),
    report: sorted.map((each) => withReferences(each, skipped, values, options)),
    cells: history.cells,
  }
}

/** The latest sources of cells that fit. */
function inputsWithin(
  all: SnapshotHistory['inputs'],
  limitBytes: number,
  report: BindingReport[],
): { inputs: SnapshotHistory['inputs']; inputBytes: number } {
  let inputBytes = 0
  for (let index = all.length - 1; index >= 0; index--) {
    const [, source] = all[index] as SnapshotHistory['inputs'][number]
    // in JSON
    const bytes = source.length * 2 + 16
    if (inputBytes + bytes > limitBytes) {
      const detail = `the sources of the cells before the last ${all.length - 1 - index}`
      report.push({ name: 'In', status: 'skipped', reason: 'too-large', detail })
      return { inputs: all.slice(index + 1), inputBytes }
    }
    inputBytes += bytes
  }
  return { inputs: all, inputBytes }
}

function payloadOf(index: SnapshotIndex, { records, roots, recordCount }: SnapshotWriter): Uint8Array {
  const json = toBytes(stringify(index))
  const sink = new ByteSink(json.length + records.position + roots.position + 64)
  sink.uint32(snapshotMagic)
  sink.uint32(snapshotVersion)
  sink.uint32(json.length)
  sink.append(json)
  sink.uint32(recordCount)
  sink.uint32(records.position)
  sink.append(records.finish())
  sink.append(roots.finish())
  return sink.finish()
}

function rankOf(value: unknown): number {
  return typeof value === 'function' && functionText(value).startsWith('class') ? 0 : 1
}

function statusOf(
  value: unknown,
  { kind }: SnapshotBinding,
  { wellKnown, modules }: Pick<SnapshotWriterOptions, 'wellKnown' | 'modules'>,
): 'restored' | 're-evaluated' {
  if (typeof value === 'function' || kind === 'import') return 're-evaluated'
  const isObject = typeof value === 'object' && value !== null
  return isObject && (modules.pathOf(value) ?? wellKnown.pathOf(value)) !== undefined ? 're-evaluated' : 'restored'
}

function skip(name: string, { reason, detail }: { reason: BindingReport['reason']; detail: string }): BindingReport {
  return { name, status: 'skipped', reason, detail }
}

/** A function is carried over also when something it refers to by name is not: that is worth a word. */
function withReferences(
  report: BindingReport,
  skipped: ReadonlySet<string>,
  values: ReadonlyMap<string, unknown>,
  { sources }: Pick<SnapshotWriterOptions, 'sources'>,
): BindingReport {
  if (report.status !== 're-evaluated' || skipped.size === 0) return report
  const value = values.get(report.name)
  const globals = typeof value === 'function' ? (sources.find(functionText(value))?.globals ?? []) : []
  const missing = globals.filter((name) => skipped.has(name))
  if (missing.length === 0) return report
  return { ...report, detail: `it refers to ${missing.join(', ')}, which is skipped` }
}
