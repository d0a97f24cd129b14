import { basename, resolve, sep } from 'node:path'
import { engineLimits } from './engine-limits.ts'
import { SafeMap } from './primordials.ts'

export type ToSource = (line: number, column: number) => { line: number; column: number }

export interface CellFile {
  /** As stack traces show it. */
  readonly name: string
  readonly toSource: ToSource
}

const unmapped: ToSource = (line, column) => ({ line, column })
const cellName = /^(?:cell|eval)-\d+\.[jt]sx?$/

/** Which script filenames are cells, and where their positions stand in the source; the most recent cells only. */
export class CellFiles {
  readonly #cwd: string
  readonly #prefix: string
  readonly #files = new SafeMap<string, CellFile>()

  constructor(cwd: string) {
    this.#cwd = cwd
    this.#prefix = cwd.endsWith(sep) ? cwd : cwd + sep
  }

  /** The absolute filename for a name as the user gave it. */
  resolve(name: string): string {
    return resolve(this.#cwd, name)
  }

  /** As `resolve`, for a name without any path, as Capsule gives them. */
  join(name: string): string {
    return this.#prefix + name
  }

  /** Of a cell that Capsule named and that runs as it is written: `find` knows where its positions stand all the same. */
  forget(filename: string): void {
    this.#files.delete(filename)
  }

  remember(filename: string, file: CellFile): void {
    this.#files.delete(filename)
    this.#files.set(filename, file)
    if (this.#files.size > engineLimits.history) this.#files.deleteOldest()
  }

  find(filename: string): CellFile | undefined {
    const file = this.#files.get(filename)
    if (file !== undefined) return file
    // it runs as it is written, or is no longer remembered: then its line is right, its column nearly
    const name = basename(filename)
    return filename === this.#prefix + name && cellName.test(name) ? { name, toSource: unmapped } : undefined
  }
}
