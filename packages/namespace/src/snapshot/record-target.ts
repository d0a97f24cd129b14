import type { ByteSink } from './byte-sink.ts'
import type { ModulePath } from './module-exports.ts'
import type { SourceEntry } from './source-entry.ts'
import type { Problem } from './unportable.ts'

export type Key = string | symbol

/** Leaves the walk over one root. */
export class Unportable {
  readonly problem: Problem
  constructor(problem: Problem) {
    this.problem = problem
  }
}

/** Where a record is written to, and what gives it the numbers of all that it refers to. */
export interface RecordTarget {
  readonly records: ByteSink
  /** Writes a value; an object is written later, as a record of its own. */
  value(sink: ByteSink, value: unknown, label: Key | number): void
  key(key: Key): number
  /** The number of this list of keys. */
  shape(keys: readonly Key[]): number
  source(entry: SourceEntry): number
  module(path: ModulePath): number
  /** The number of an object or symbol that is in the snapshot. */
  idOf(value: unknown): number | undefined
}
