import type { CellMode } from '@capsule/protocol'
import type { CacheCounters, CellRequest } from './engine.ts'
import type { CellFiles } from './cell-files.ts'
import { type CompiledCell, runtimeName } from './compile/compile.ts'
import { engineLimits } from './engine-limits.ts'
import { namespaceErrors } from './errors.ts'
import { Execution } from './execution.ts'
import { withIntrinsics } from './intrinsics.ts'
import { compileCell } from './plain-compiler.ts'
import { SafeMap } from './primordials.ts'
import type { Preparation } from './running-cell.ts'
import { compileScript, ScriptCache } from './script-cache.ts'
import { toSourceError } from './source-error.ts'

interface PreparedExecution {
  readonly execution: Execution
  readonly preparation: Preparation
  readonly mode: CellMode
}

/** From a request to a script: numbers the cell, names its file, compiles it. */
export class CellPreparer {
  readonly #files: CellFiles
  readonly #isConst: (name: string) => boolean
  readonly #scripts = new ScriptCache()
  readonly #evalNumbers = new SafeMap<string, number>()
  #cells = 0
  #evals = 0

  constructor(files: CellFiles, isConst: (name: string) => boolean) {
    this.#files = files
    this.#isConst = isConst
  }

  get analysisCounters(): CacheCounters {
    return { entries: 0, hits: 0, misses: 0, evictions: 0 }
  }

  get codeCounters(): CacheCounters {
    return this.#scripts.counters
  }

  prepare(request: CellRequest): PreparedExecution {
    const { executionId, code } = request
    const cell = request.storeHistory === false ? 0 : ++this.#cells
    const stem = cell > 0 ? `cell-${cell}` : `eval-${this.#evalNumber(code)}`
    const language = request.language ?? 'auto'
    let name = request.filename ?? `${stem}.${language === 'auto' ? 'js' : language}`
    try {
      let compiled = this.#compile(request, name)
      if (request.filename === undefined && compiled.language !== 'js') {
        const guessed = JSON.stringify(this.#files.resolve(name))
        name = `${stem}.${compiled.language}`
        // the code carries its filename only where it uses `import.meta`
        if (compiled.code.includes(guessed)) compiled = this.#compile(request, name)
      }
      const filename = this.#files.resolve(name)
      // a numbered name is never used again, so its script need not be kept
      const isRepeatable = cell === 0 || request.filename !== undefined
      const script = isRepeatable ? this.#scripts.compile(compiled.code, filename) : compileScript(compiled.code, filename)
      this.#files.remember(filename, { name, toSource: compiled.toSource })
      const execution = new Execution(executionId, cell, filename)
      return { execution, preparation: { kind: 'ready', compiled, script }, mode: compiled.mode }
    } catch (error) {
      const execution = new Execution(executionId, cell, this.#files.resolve(name))
      return { execution, preparation: { kind: 'failed', error: toSourceError(error, { source: code, name }) }, mode: 'unknown' }
    }
  }

  #compile({ code, language = 'auto' }: CellRequest, name: string): CompiledCell {
    const filename = this.#files.resolve(name)
    const compiled = withIntrinsics(() => compileCell(code, { filename, language, isConst: this.#isConst }))
    for (let index = 0; index < compiled.declarations.length; index++) {
      if (compiled.declarations[index]?.name === runtimeName) throw namespaceErrors.RESERVED_NAME({ name: runtimeName })
    }
    return compiled
  }

  /** Equal code without history keeps its name, so that its script can be used again. */
  #evalNumber(code: string): number {
    const known = this.#evalNumbers.get(code)
    if (known !== undefined) return known
    const number = ++this.#evals
    if (code.length <= engineLimits.cachedCode) this.#evalNumbers.set(code, number)
    if (this.#evalNumbers.size > engineLimits.scripts) this.#evalNumbers.deleteOldest()
    return number
  }
}
