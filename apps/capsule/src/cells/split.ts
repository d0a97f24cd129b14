import { extname } from 'node:path'
import type { CellLanguage } from '@capsule/protocol'
import type { Cell, CellPart } from './cell.ts'
import { splitMarkdown } from './markdown.ts'
import { splitPercent } from './percent.ts'

/** Cuts the text of a file into cells, as its extension says. */
export function splitCells(text: string, { file, filename }: Pick<Cell, 'file' | 'filename'>): Cell[] {
  // a byte order mark is no part of the code
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text
  return split(content, extname(filename).toLowerCase()).map((part) => ({ ...part, file, filename }))
}

function split(text: string, extension: string): CellPart[] {
  switch (extension) {
    case '.md':
    case '.markdown':
      return splitMarkdown(text)
    default:
      return splitPercent(text, languageOf(extension))
  }
}

function languageOf(extension: string): CellLanguage {
  switch (extension) {
    case '.ts':
    case '.mts':
    case '.cts':
      return 'ts'
    case '.tsx':
      return 'tsx'
    case '.jsx':
      return 'jsx'
    case '.js':
    case '.mjs':
    case '.cjs':
      return 'js'
    default:
      return 'auto'
  }
}
