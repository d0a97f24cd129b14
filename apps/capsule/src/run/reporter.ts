import type { StreamName } from '@capsule/protocol'
import type { ExecutionEvent, Outcome } from '@capsule/session'
import type { Cell } from '../cells/cell.ts'
import type { ExitCode } from '../exit-codes.ts'

/** A cell of this run: `index` counts the cells that run, from 0, over all files. */
export interface PlacedCell extends Cell {
  readonly index: number
}

export interface RunSummary {
  /** That of the cell that decided the exit code; `ok` when none failed. */
  readonly status: Outcome['status']
  readonly exitCode: ExitCode
  /** How many cells the files have that can run, how many were run, and how many of those did not end well. */
  readonly cells: number
  readonly ran: number
  readonly failed: number
  readonly durationMs: number
}

/** Shows a run. What it returns is awaited before the next event is taken, so it may slow the run down. */
export interface Reporter {
  /** A `text` cell is passed by. */
  text(cell: Cell): Promise<void>
  /** `cell` is absent when nothing known caused the event. */
  event(event: ExecutionEvent, cell: PlacedCell | undefined): Promise<void>
  outcome(outcome: Outcome, cell: PlacedCell): Promise<void>
  /** Text on fd 1 or 2 that belongs to no cell. */
  stray(stray: { readonly stream: StreamName; readonly text: string }): Promise<void>
  summary(summary: RunSummary): Promise<void>
}
