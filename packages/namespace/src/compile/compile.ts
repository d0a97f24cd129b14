import type { Script } from 'node:vm'
import type { CellLanguage, CellMode } from '@capsule/protocol'
import { analyse } from './analyse.ts'
import type { Analysis } from './analysis.ts'
import type { EditedText, Position } from './edits.ts'
import { rewriteJsx } from './jsx.ts'
import { modeOf } from './mode.ts'
import { runtimeName } from './names.ts'
import { type ParsedCell, parseCell } from './parse.ts'
import { compileScript } from '../script-cache.ts'
import { notPlain } from './plain.ts'
import { rewrite } from './rewrite.ts'
import { CellSyntaxError, checkScript, fromAcorn, toSyntaxError } from './syntax-error.ts'
import { type Amaro, loadAmaro, stripTypes, type StrippedText } from './typescript.ts'

export { runtimeName }

export type BindingKind = 'const' | 'let' | 'var' | 'function' | 'class' | 'import'

export interface CompileOptions {
  /** Absolute; V8 resolves relative imports from it. */
  readonly filename: string
  readonly language: CellLanguage
  /** Whether an earlier cell declared this name `const` (assigning to it must throw). */
  readonly isConst: (name: string) => boolean
  /** Loads what prints TypeScript that cannot be stripped. @defaultValue the package `amaro`, or `amaro.cjs` beside a bundle */
  readonly loadAmaro?: () => Amaro
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
  /** V8's reading of `code` under the filename asked for, where one had to be made. */
  readonly script?: Script
  /** Functions or classes stand in it. */
  readonly hasFunctions: boolean
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
  /** Is told of each module that an `import` declaration has loaded; `attributes` is the code of its options, if any. */
  loaded(specifier: string, attributes: string, namespace: object): void
  /** Gives back the promise of `import('name')`. */
  loading(specifier: string, promise: Promise<object>): Promise<object>
  /** Throws what V8 throws for an assignment to a constant. */
  assignToConst(name: string): never
}

/**
 * Compiles one cell. What it may contain and what it means is written in `docs/cells.md`.
 *
 * @throws CellSyntaxError
 */
export function compileCell(source: string, options: CompileOptions): CompiledCell {
  const { language } = options
  const script = language === 'js' || language === 'auto' ? plainScript(source, options) : undefined
  if (script !== undefined) return { ...asWritten(source, 'simple', 'js'), script }
  switch (language) {
    case 'auto':
      return compileAny(source, options)
    case 'js':
      return compileReading(read(source), source, options, 'js')
    case 'jsx':
      return compileJsx({ code: source, toSource: same, isPrinted: false }, options, 'jsx')
    case 'ts':
      return compileStripped(source, options)
    case 'tsx': {
      const stripped = stripTypes(source, { isTsx: true, loadAmaro: options.loadAmaro ?? loadAmaro })
      return compileJsx(stripped, options, 'tsx')
    }
  }
}

/** No parse is needed when nothing in the text can ask for a change, and V8 takes it. */
function plainScript(source: string, { isConst, filename }: CompileOptions): Script | undefined {
  if (notPlain.test(source)) return undefined
  for (const name of source.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? []) if (isConst(name)) return undefined
  try {
    return compileScript(source, filename)
  } catch {
    return undefined
  }
}

/** JavaScript first, TypeScript when it does not parse as that. */
function compileAny(source: string, options: CompileOptions): CompiledCell {
  const reading = read(source)
  if (reading.kind !== 'refused') return compileReading(reading, source, options, 'js')
  try {
    return compileStripped(source, options)
  } catch (asTypes) {
    throw furthest(reading.toError(), asTypes)
  }
}

function compileStripped(source: string, options: CompileOptions): CompiledCell {
  const stripped = stripTypes(source, { isTsx: false, loadAmaro: options.loadAmaro ?? loadAmaro })
  const compiled = compileReading(read(stripped.code), stripped.code, options, 'ts', stripped.isPrinted)
  return { ...compiled, toSource: through(compiled.toSource, stripped.toSource) }
}

function compileJsx(text: StrippedText, options: CompileOptions, language: 'jsx' | 'tsx'): CompiledCell {
  let plain: EditedText
  try {
    plain = rewriteJsx(text.code)
  } catch (error) {
    throw fromAcorn(text.code, error)
  }
  const compiled = compileReading(read(plain.code), plain.code, options, language, text.isPrinted)
  return { ...compiled, toSource: through(through(compiled.toSource, plain.toSource), text.toSource) }
}

type Reading =
  | { readonly kind: 'parsed'; readonly parsed: ParsedCell }
  /** A script that only V8 understands: it has to run as it is. */
  | { readonly kind: 'script' }
  | { readonly kind: 'refused'; readonly toError: () => CellSyntaxError }

function read(source: string): Reading {
  try {
    return { kind: 'parsed', parsed: parseCell(source) }
  } catch (error) {
    const verdict = checkScript(source)
    if (verdict === undefined) return { kind: 'script' }
    return { kind: 'refused', toError: () => toSyntaxError(source, error, verdict) }
  }
}

function compileReading(
  reading: Reading,
  source: string,
  options: CompileOptions,
  language: CompiledCell['language'],
  isPrinted = false,
): CompiledCell {
  switch (reading.kind) {
    case 'refused':
      throw reading.toError()
    case 'script':
      return asWritten(source, 'unknown', language)
    case 'parsed': {
      const { program, isObject } = reading.parsed
      const analysis = analyse(program, source)
      const rewritten = rewrite(analysis, { ...options, source, isObject, isPrinted })
      const hasFunctions = analysis.functions.length > 0
      return { ...rewritten, mode: modeOf(analysis), language, declarations: declarationsOf(analysis), hasFunctions }
    }
  }
}

function declarationsOf({ top }: Analysis): Declaration[] {
  const declarations: Declaration[] = []
  for (const [name, { kind, source }] of top.bindings) {
    if (kind !== 'parameter') declarations.push({ name, kind, ...(source === undefined ? {} : { source }) })
  }
  return declarations
}

function asWritten(code: string, mode: CellMode, language: CompiledCell['language']): CompiledCell {
  // no keyword is needed for an arrow or a method
  const hasFunctions = code.includes('=>') || code.includes('{')
  return { code, isAsync: false, mode, language, declarations: [], hasFunctions, toSource: same }
}

function same(line: number, column: number): Position {
  return { line, column }
}

function through(first: EditedText['toSource'], second: EditedText['toSource']): EditedText['toSource'] {
  return (line, column) => {
    const between = first(line, column)
    return second(between.line, between.column)
  }
}

/** Of two syntax errors the one that stands later: that reading understood more. */
function furthest(first: unknown, second: unknown): unknown {
  if (!(first instanceof CellSyntaxError)) return first
  if (!(second instanceof CellSyntaxError)) return second
  const isLater = second.line > first.line || (second.line === first.line && second.column > first.column)
  return isLater ? second : first
}
