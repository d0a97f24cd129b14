import type { CacheCounters } from '../engine.ts'
import { SafeMap } from '../primordials.ts'
import { type CompiledCell, compileCell, type CompileOptions } from './compile.ts'

export interface CompilerOptions {
  /** How many compiled cells are kept. @defaultValue 256 */
  readonly entries?: number
  /** Longer sources are compiled anew each time, in UTF-16 units. @defaultValue 65536 */
  readonly sourceLength?: number
}

export interface Compiler {
  /** A kept result, if there is one that still holds. Uses nothing that cells could have overwritten. */
  find(source: string, options: CompileOptions): CompiledCell | undefined
  /** Compiles and keeps the result. @throws CellSyntaxError */
  compile(source: string, options: CompileOptions): CompiledCell
  readonly counters: CacheCounters
}

interface Entry {
  readonly cell: CompiledCell
  /** What the earlier cells' constants were asked, and the answers this result holds for. */
  readonly constants: readonly (readonly [name: string, isConst: boolean])[]
  /** Set when the code carries it. */
  readonly filename: string | undefined
}

/**
 * Compiles cells and keeps the latest used results, by source and language. A kept result serves only while the names it
 * assigns are the constants they were, and, where the code carries its filename (`import.meta`), for that filename.
 */
export function createCompiler({ entries = 256, sourceLength = 65_536 }: CompilerOptions = {}): Compiler {
  const kept = new SafeMap<string, Entry>()
  let [hits, misses, evictions] = [0, 0, 0]
  let latest: string | undefined

  const keep = (key: string, entry: Entry): void => {
    kept.set(key, entry)
    latest = key
    if (kept.size <= entries) return
    evictions++
    kept.deleteOldest()
  }
  const keyOf = (source: string, { language }: CompileOptions): string => `${language}\0${source}`

  return {
    find(source, options) {
      const key = keyOf(source, options)
      const known = kept.get(key)
      if (known === undefined || !isValid(known, options)) return undefined
      hits++
      // the latest used stands last
      if (key !== latest) {
        kept.delete(key)
        kept.set(key, known)
        latest = key
      }
      return known.cell
    },
    compile(source, options) {
      misses++
      const asked = new Map<string, boolean>()
      const isConst = (name: string): boolean => {
        const answer = options.isConst(name)
        asked.set(name, answer)
        return answer
      }
      const cell = compileCell(source, { ...options, isConst })
      const filename = cell.code.includes(JSON.stringify(options.filename)) ? options.filename : undefined
      if (source.length <= sourceLength)
        keep(keyOf(source, options), { cell: lasting(cell), constants: [...asked], filename })
      return cell
    },
    get counters() {
      return { entries: kept.size, hits, misses, evictions }
    },
  }
}

function isValid({ constants, filename }: Entry, options: CompileOptions): boolean {
  if (filename !== undefined && filename !== options.filename) return false
  for (let index = 0; index < constants.length; index++) {
    const [name, answer] = constants[index] as Entry['constants'][number]
    if (options.isConst(name) !== answer) return false
  }
  return true
}

/** Without the script, which holds for one filename only. */
function lasting(cell: CompiledCell): CompiledCell {
  if (cell.script === undefined) return cell
  const { script: _script, ...rest } = cell
  return rest
}
