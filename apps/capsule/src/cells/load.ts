import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Cell } from './cell.ts'
import { splitCells } from './split.ts'

export interface LoadOptions {
  /** What `-` stands for. */
  readonly stdin: NodeJS.ReadableStream
  /** Where relative imports of code from standard input resolve from. @defaultValue process.cwd() */
  readonly cwd?: string | undefined
}

/** Reads every file and splits it, before anything runs. @throws Error that names the file */
export async function loadCells(files: readonly string[], { stdin, cwd = '.' }: LoadOptions): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const file of files) {
    const isStdin = file === '-'
    const content = isStdin ? await text(stdin) : await read(file)
    const place = isStdin
      ? { file: '[stdin]', filename: join(resolve(cwd), '[stdin]') }
      : { file, filename: resolve(file) }
    cells.push(...splitCells(content, place))
  }
  return cells
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file'
    case 'EISDIR':
      return 'it is a directory'
    case 'EACCES':
      return 'permission denied'
    default:
      return String(error)
  }
}
