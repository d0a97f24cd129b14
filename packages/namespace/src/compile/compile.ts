import type { CellLanguage, CellMode } from '@capsule/protocol'
import { analyse } from './analyse.ts'
import { runtimeName } from './names.ts'
import { parseCell } from './parse.ts'
import { rewrite } from './rewrite.ts'

export { runtimeName }

export type BindingKind = 'const' | 'let' | 'var' | 'function' | 'class' | 'import'

export interface CompileOptions {
  /** Absolute; V8 resolves relative imports from it. */
  readonly filename: string
  readonly language: CellLanguage
  /** Whether an earlier cell declared this name `const` (assigning to it must throw). */
  readonly isConst: (name: string) => boolean
}

/** A cell ready for `new vm.Script(code, { filename }).runInThisContext()`. */
export interface CompiledCell {
  /** The text that runs: the source itself when nothing had to change. Same number of lines as the source. */
  readonly code: string
  /** The script's completion value is a promise of `{ v: value }`; otherwise it is the cell's value itself. */
  readonly isAsync: boolean
  readonly mode: CellMode
  /** What language the source turned out to be. */
  readonly language: Exclude<CellLanguage, 'auto'>
  /** The top-level names this cell declares, in order; a name declared twice stands once, with its last kind. */
  readonly declarations: readonly Declaration[]
  /** From a 1-based position in `code` to one in the source. */
  readonly toSource: (line: number, column: number) => { line: number; column: number }
}

export interface Declaration {
  readonly name: string
  readonly kind: BindingKind
  /** The text of a function or class declaration, or of a function, arrow or class initialiser (TypeScript stripped). */
  readonly source?: string
}

export interface CellRuntime {
  /** `await x` becomes `await __capsule__.wait(x)`: settles as x does, or throws when the execution is cancelled. */
  wait(value: unknown): unknown
  /** `for await (const x of y)` iterates `__capsule__.waitEach(y)`. */
  waitEach(iterable: unknown): AsyncIterable<unknown>
  /** Stands for `import.meta` of the cell with that (absolute) filename. */
  importMeta(filename: string): object
  /** Throws what V8 throws for an assignment to a constant. */
  assignToConst(name: string): never
}

export function compileCell(source: string, options: CompileOptions): CompiledCell {
  const analysis = analyse(parseCell(source), source)
  const rewritten = rewrite(analysis, source, options.filename, options.isConst)
  const declarations: Declaration[] = []
  for (const [name, { kind, source: text }] of analysis.top.bindings) {
    if (kind !== 'parameter') declarations.push({ name, kind, ...(text === undefined ? {} : { source: text }) })
  }
  return { ...rewritten, mode: 'simple', language: 'js', declarations }
}
