import type { Script } from 'node:vm'
import type { WireError } from '@capsule/protocol'
import type { CompiledCell } from './compile/compile.ts'
import type { Execution } from './execution.ts'

export type Preparation =
  | { readonly kind: 'ready'; readonly compiled: CompiledCell; readonly script: Script }
  | { readonly kind: 'failed'; readonly error: WireError }

export type CellState = 'prepared' | 'started' | 'completed' | 'failed'

/** One cell from `prepare` to `finish`; what the engine forgets afterwards. */
export interface RunningCell {
  readonly execution: Execution
  readonly preparation: Preparation
  state: CellState
  /** What the names it declares held when it started, in the order of the declarations. */
  before: readonly unknown[]
  /** Kept for `Out` and `_` once the cell has completed. */
  value: unknown
}
