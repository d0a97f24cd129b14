import { ByteSource, malformed } from './byte-source.ts'
import type { RootKind, SnapshotIndex } from './capture-snapshot.ts'
import type { ModulePath } from './module-exports.ts'
import type { SourceEntry } from './source-entry.ts'
import { referencesOf } from './record-references.ts'
import { recordKind, snapshotMagic, snapshotVersion } from './value-tags.ts'

const { parse } = JSON
const decodeText = Function.prototype.call.bind(TextDecoder.prototype.decode, new TextDecoder()) as (
  bytes: Uint8Array,
) => string
const subarray = Function.prototype.call.bind(Uint8Array.prototype.subarray) as (
  bytes: Uint8Array,
  start: number,
  end: number,
) => Uint8Array

/** A payload whose structure was checked: no read of it can leave its bounds. */
export interface ReadSnapshot {
  readonly index: SnapshotIndex
  /** To read from, at any place. */
  readonly source: ByteSource
  readonly kinds: Uint8Array
  /** Where the content of each record starts, and behind the last one where it ends. */
  readonly starts: Float64Array
  readonly ends: Float64Array
  readonly rootsStart: number
}

/** Of numbers that still can be counted up. */
const cellLimit = 2 ** 48
const kinds: ReadonlySet<number> = new Set(Object.values(recordKind))
const rootKinds: ReadonlySet<unknown> = new Set<RootKind>([
  'const', 'let', 'var', 'function', 'class', 'import', 'global',
]) // prettier-ignore
const forms: ReadonlySet<unknown> = new Set(['expression', 'method', 'class'])

/** @throws MalformedSnapshot */
export function readSnapshot(bytes: Uint8Array): ReadSnapshot {
  const source = new ByteSource(bytes)
  if (source.uint32() !== snapshotMagic) throw malformed('it is no snapshot')
  const version = source.uint32()
  if (version !== snapshotVersion) throw malformed(`it has version ${version}, this worker reads ${snapshotVersion}`)
  const indexBytes = source.uint32()
  const indexStart = source.skip(indexBytes)
  const count = source.uint32()
  const recordsBytes = source.uint32()
  const recordsStart = source.skip(recordsBytes)
  // the smallest record has five bytes, so the count cannot make this allocate much
  if (count * 5 > recordsBytes) throw malformed('it claims more records than it has')
  const index = checkedIndex(parseJson(subarray(bytes, indexStart, indexStart + indexBytes)), count)
  const records = new ByteSource(source, recordsStart, recordsStart + recordsBytes)
  const snapshot: ReadSnapshot = {
    index,
    source,
    kinds: new Uint8Array(count),
    starts: new Float64Array(count),
    ends: new Float64Array(count),
    rootsStart: recordsStart + recordsBytes,
  }
  for (let id = 0; id < count; id++) {
    const kind = records.byte()
    if (!kinds.has(kind)) throw malformed('a record is of no known kind')
    snapshot.kinds[id] = kind
    const length = records.uint32()
    snapshot.starts[id] = records.skip(length)
    snapshot.ends[id] = records.position
  }
  if (!records.isAtEnd) throw malformed('bytes follow the records')
  // once code has run, it is too late to say so
  if (index.modules.length > 0 || index.sources.some(({ runsCode }) => runsCode)) {
    for (let id = 0; id < count; id++) referencesOf(snapshot, id)
  }
  return snapshot
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parse(decodeText(bytes))
  } catch {
    throw malformed('its index is no JSON')
  }
}

function checkedIndex(value: unknown, recordCount: number): SnapshotIndex {
  const index = value as SnapshotIndex
  const isRecord = (id: unknown): boolean => isCount(id) && (id as number) < recordCount
  const isCellNumber = (cell: unknown): boolean => isCount(cell) && (cell as number) < cellLimit
  const isCell = (entry: unknown): boolean => isTuple(entry, [isCellNumber, isText])
  const isGood =
    isObject(value) &&
    isCellNumber(index.cells) &&
    isList(index.bindings, (entry) => isTuple(entry, [isText, (kind) => rootKinds.has(kind), isCellNumber, isCount])) &&
    isList(index.inputs, isCell) &&
    isList(index.outputs, isCellNumber) &&
    isList(index.last, (at) => at === 0 || at === 1 || at === 2) &&
    isList(index.keys, (key) => isText(key) || isRecord(key)) &&
    isList(index.shapes, (shape) => isList(shape, (key) => isCount(key) && (key as number) < index.keys.length)) &&
    isList(index.sources, isSource) &&
    isList(index.modules, isModule)
  if (!isGood) throw malformed('its index is not as it should be')
  return index
}

function isSource(value: unknown): boolean {
  if (!isObject(value)) return false
  const { text, form, isStrict, runsCode } = value as SourceEntry
  return isText(text) && forms.has(form) && typeof isStrict === 'boolean' && typeof runsCode === 'boolean'
}

function isModule(value: unknown): boolean {
  if (!isObject(value)) return false
  const { specifier, how, attributes, keys } = value as ModulePath
  return isText(specifier) && (how === 'import' || how === 'require') && isText(attributes) && isList(keys, isText)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return false
  for (const item of value as unknown[]) if (item === undefined || !isItem(item)) return false
  return true
}

function isTuple(value: unknown, items: readonly ((item: unknown) => boolean)[]): boolean {
  return Array.isArray(value) && value.length === items.length && items.every((isItem, at) => isItem(value[at]))
}
