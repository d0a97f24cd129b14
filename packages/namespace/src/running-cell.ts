import type { Script } from 'node:vm'
import type { TransactionMode, WireError } from '@capsule/protocol'
import type { CompiledCell } from './compile/compile.ts'
import type { Execution } from './execution.ts'
import type { UndoImage } from './transaction/undo-image.ts'

export type Preparation =
  | { readonly kind: 'ready'; readonly compiled: CompiledCell; readonly script: Script }
  | { readonly kind: 'failed'; readonly error: WireError }

export type CellState = 'prepared' | 'started' | 'completed' | 'failed'

/** One cell from `prepare` to `finish`; what the engine forgets afterwards. */
export interface RunningCell {
  readonly execution: Execution
  readonly preparation: Preparation
  state: CellState
  readonly isWarmup: boolean
  readonly transaction: TransactionMode | undefined
  /** What the namespace was before it, if that may be needed. */
  undo: UndoImage | undefined
  /** What the names it declares held when it started, in the order of the declarations. */
  before: readonly unknown[]
  /** Kept for `Out` and `_` once the cell has completed. */
  value: unknown
}
