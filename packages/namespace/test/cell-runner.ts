import { constants, createContext, Script } from 'node:vm'
import {
  type CellRuntime,
  compileCell,
  type CompiledCell,
  type CompileOptions,
  runtimeName,
} from '../src/compile/compile.ts'

export interface CellRunner {
  readonly context: object
  compile(source: string, language?: CompileOptions['language']): CompiledCell
  /** In an object, so that a promise stays one. */
  run(source: string, language?: CompileOptions['language']): Promise<{ v: unknown }>
}

/** Runs compiled cells one after the other in a realm of their own, as the engine does in the main one. */
export function createCellRunner(filename = `${import.meta.dirname}/cell.js`): CellRunner {
  const context = createContext(constants.DONT_CONTEXTIFY)
  const consts = new Set<string>()
  const evaluate = (code: string): unknown =>
    new Script(code, { filename, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }).runInContext(
      context,
    )
  const NativeTypeError = evaluate('TypeError') as TypeErrorConstructor
  const runtime: CellRuntime = {
    wait: (value) => value,
    waitEach: (iterable) => iterable as AsyncIterable<unknown>,
    importMeta: (file) => ({ filename: file }),
    loaded() {},
    loading: (_, promise) => promise,
    assignToConst() {
      throw new NativeTypeError('Assignment to constant variable.')
    },
  }
  Object.defineProperty(context, runtimeName, { value: runtime })
  const compile: CellRunner['compile'] = (source, language = 'auto') =>
    compileCell(source, { filename, language, isConst: (name) => consts.has(name) })
  return {
    context,
    compile,
    async run(source, language) {
      const { code, isAsync, declarations } = compile(source, language)
      for (const { name, kind } of declarations) {
        if (kind === 'const' || kind === 'import') consts.add(name)
        else consts.delete(name)
      }
      const value = evaluate(code)
      return isAsync ? await (value as Promise<{ v: unknown }>) : { v: value }
    },
  }
}
