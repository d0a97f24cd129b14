import type { CellLanguage } from '@capsule/protocol'

/** One piece of a file, with its place there. */
export interface Cell {
  /** `text` cells are for people and do not run. */
  readonly kind: 'code' | 'text'
  /** As the user named it; for messages. */
  readonly file: string
  /** Absolute; what stack traces show and relative imports resolve from. */
  readonly filename: string
  readonly language: CellLanguage
  readonly title?: string
  readonly tags: readonly string[]
  /** The 1-based line of the file at which `source` starts. */
  readonly line: number
  readonly source: string
}

/** What a splitter finds; the file's name is added by `splitCells`. */
export type CellPart = Omit<Cell, 'file' | 'filename'>

/**
 * The text to execute: as many empty lines as stand before the cell in its file, then its source, so that
 * every line number in an error is the file's own without any mapping.
 */
export function executableText(cell: Cell): string {
  return '\n'.repeat(cell.line - 1) + cell.source
}
