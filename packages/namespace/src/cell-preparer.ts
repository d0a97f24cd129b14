import type { CellMode } from '@capsule/protocol'
import type { CacheCounters, CellRequest } from './engine.ts'
import type { CellFiles } from './cell-files.ts'
import { compileCell, type CompiledCell, type CompileOptions, runtimeName } from './compile/compile.ts'
import { createCompiler } from './compile/compiler.ts'
import { engineLimits } from './engine-limits.ts'
import { namespaceErrors } from './errors.ts'
import { type Era, Execution } from './execution.ts'
import { withIntrinsics } from './intrinsics.ts'
import { includesText, SafeMap } from './primordials.ts'
import type { Preparation } from './running-cell.ts'
import { compileScript, ScriptCache } from './script-cache.ts'
import { toSourceError } from './source-error.ts'

interface PreparedExecution {
  readonly execution: Execution
  readonly preparation: Preparation
  readonly mode: CellMode
}

interface SourceFile {
  /** As stack traces show it. */
  name: string
  filename: string
  /** The name without its extension; undefined when the user gave the name. */
  readonly stem: string | undefined
}

/** From a request to a script: numbers the cell, names its file, compiles it. */
export class CellPreparer {
  readonly #files: CellFiles
  readonly #isConst: (name: string) => boolean
  readonly #compiler = createCompiler()
  readonly #scripts = new ScriptCache()
  readonly #evalNumbers = new SafeMap<string, number>()
  #cells = 0
  #evals = 0
  /** Of the executions that are made from now on. */
  era: Era = { isOver: false }

  constructor(files: CellFiles, isConst: (name: string) => boolean) {
    this.#files = files
    this.#isConst = isConst
  }

  /** How many cells were numbered. */
  get cells(): number {
    return this.#cells
  }

  /** Goes on behind this number. */
  set cells(count: number) {
    this.#cells = count
  }

  get analysisCounters(): CacheCounters {
    return this.#compiler.counters
  }

  get codeCounters(): CacheCounters {
    return this.#scripts.counters
  }

  prepare(request: CellRequest): PreparedExecution {
    const { executionId, code } = request
    const cell = request.storeHistory === false ? 0 : ++this.#cells
    const file = this.#fileOf(request, cell)
    try {
      const compiled = this.#compileAs(file, request)
      // a numbered name is never used again, so its script need not be kept
      const isRepeatable = cell === 0 || request.filename !== undefined
      const script = isRepeatable
        ? this.#scripts.compile(compiled.code, file.filename)
        : (compiled.script ?? compileScript(compiled.code, file.filename))
      if (file.stem !== undefined && compiled.code === code) this.#files.forget(file.filename)
      else this.#files.remember(file.filename, { name: file.name, toSource: compiled.toSource })
      const execution = new Execution(executionId, cell, file.filename, this.era)
      return { execution, preparation: { kind: 'ready', compiled, script }, mode: compiled.mode }
    } catch (error) {
      const execution = new Execution(executionId, cell, file.filename, this.era)
      const failure = toSourceError(error, { source: code, name: file.name })
      return { execution, preparation: { kind: 'failed', error: failure }, mode: 'unknown' }
    }
  }

  /** Names the file before the language is known: `auto` is taken for JavaScript. */
  #fileOf({ code, filename, language = 'auto' }: CellRequest, cell: number): SourceFile {
    if (filename !== undefined) return { name: filename, filename: this.#files.resolve(filename), stem: undefined }
    const stem = cell > 0 ? `cell-${cell}` : `eval-${this.#evalNumber(code)}`
    const name = `${stem}.${language === 'auto' ? 'js' : language}`
    return { name, filename: this.#files.join(name), stem }
  }

  /** Compiles, and gives the file the extension of the language that the code turned out to be. */
  #compileAs(file: SourceFile, request: CellRequest): CompiledCell {
    const compiled = this.#compile(request, file.filename)
    if (file.stem === undefined || compiled.language === (request.language ?? 'js')) return compiled
    const guessed = file.filename
    file.name = `${file.stem}.${compiled.language}`
    file.filename = this.#files.join(file.name)
    // the code carries its filename only where it uses `import.meta`
    return usesImportMeta(compiled.code) && guessed !== file.filename ? this.#compile(request, file.filename) : compiled
  }

  /** Compiles and forgets. @throws what is wrong with the code */
  check(code: string): void {
    const filename = this.#files.join('check.js')
    compileScript(compileCell(code, { filename, language: 'auto', isConst: this.#isConst }).code, filename)
  }

  #compile({ code, language = 'auto' }: CellRequest, filename: string): CompiledCell {
    // the compiler is written like any library; cells may have overwritten what it uses
    const options: CompileOptions = { filename, language, isConst: this.#isConst }
    const compiled = this.#compiler.find(code, options) ?? withIntrinsics(() => this.#compiler.compile(code, options))
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

function usesImportMeta(code: string): boolean {
  return includesText(code, `${runtimeName}.importMeta(`)
}
