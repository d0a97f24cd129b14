import module, { createRequire, SourceMap } from 'node:module'
import { pathToFileURL } from 'node:url'
import { SafeSet } from '../primordials.ts'
import type { EditedText } from './edits.ts'
import { CellSyntaxError } from './syntax-error.ts'

/** What of amaro is used. */
export interface Amaro {
  transformSync(source: string, options: AmaroOptions): { code: string; map?: string }
}

export interface AmaroOptions {
  readonly mode: 'strip-only' | 'transform'
  readonly filename: string
  readonly sourceMap?: boolean
  readonly parser?: { readonly tsx: boolean }
  readonly transform?: { readonly verbatimModuleSyntax: boolean; readonly noEmptyExport: boolean }
}

export interface StrippedText extends EditedText {
  /** The text was printed anew: its lines are not those of the source. */
  readonly isPrinted: boolean
}

export interface StripOptions {
  readonly isTsx: boolean
  readonly loadAmaro: () => Amaro
}

/**
 * Takes the types out of TypeScript. Stripping leaves every position as it was (Node's own does it, amaro's for TSX, which
 * Node does not read); what stripping refuses (enums, namespaces, parameter properties, `import =`, `<T>x`) amaro prints
 * anew, with a source map.
 *
 * @throws CellSyntaxError
 */
export function stripTypes(source: string, options: StripOptions): StrippedText {
  const amaro = options.isTsx ? options.loadAmaro() : undefined
  try {
    return { code: strip(source, amaro), toSource: (line, column) => ({ line, column }), isPrinted: false }
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' && code !== 'UnsupportedSyntax') throw toCellError(source, error)
  }
  return print(source, options)
}

function strip(source: string, amaro: Amaro | undefined): string {
  if (!amaro) return module.stripTypeScriptTypes(source, { mode: 'strip' })
  return amaro.transformSync(source, { mode: 'strip-only', filename: 'cell.tsx', parser: { tsx: true } }).code
}

function print(source: string, { isTsx, loadAmaro: load }: StripOptions): StrippedText {
  const amaro = load()
  try {
    const { code, map } = amaro.transformSync(source, {
      mode: 'transform',
      filename: 'cell.ts',
      sourceMap: true,
      // later cells may use an import that this one does not
      transform: { verbatimModuleSyntax: true, noEmptyExport: true },
      ...(isTsx ? { parser: { tsx: true } } : {}),
    })
    let sourceMap: SourceMap | undefined
    const toSource = (line: number, column: number) => {
      sourceMap ??= new SourceMap(JSON.parse(map ?? '{}'))
      const { originalLine, originalColumn } = sourceMap.findEntry(line - 1, column - 1) as Partial<Entry>
      return { line: (originalLine ?? line - 1) + 1, column: (originalColumn ?? column - 1) + 1 }
    }
    return { code, toSource, isPrinted: true }
  } catch (error) {
    throw toCellError(source, error)
  }
}

interface Entry {
  readonly originalLine: number
  readonly originalColumn: number
}

/** amaro names the place; Node puts it in front of the stack: `:line`, some lines, carets under the last, tabs as spaces. */
function toCellError(source: string, error: unknown): CellSyntaxError {
  const { message, stack = '', startLine, startColumn } = error as Error & { startLine?: number; startColumn?: number }
  if (startLine !== undefined)
    return new CellSyntaxError(message, source, { line: startLine, column: (startColumn ?? 0) + 1 })
  const [, number, indent] = /^[^\n]*:(\d+)\n[^]*?\n( *)\^+\n/.exec(stack) ?? []
  const line = Number(number ?? 1)
  const text = source.split('\n')[line - 1] ?? ''
  let column = 1
  for (let width = indent?.length ?? 0; width > 0; column++) width -= text[column - 1] === '\t' ? shownTab : 1
  return new CellSyntaxError(message, source, { line, column })
}

const shownTab = 4

// in a CommonJS bundle there is no `import.meta.url`
const isBundle = import.meta.url === undefined
/** The file that asks for it. */
export const amaroLoaderUrl: string = isBundle ? pathToFileURL(__filename).href : import.meta.url

/** What the engine itself has loaded while cells ran, by its name in `require.cache`. */
export const ownModules = new SafeSet<PropertyKey>()

/**
 * amaro carries 3.8 MB of WebAssembly, so no bundle should hold it: a bundle finds it as the file `amaro.cjs` beside
 * itself, everything else as the package.
 */
export function loadAmaro(): Amaro {
  const require = createRequire(amaroLoaderUrl)
  const path = require.resolve(isBundle ? './amaro.cjs' : 'amaro')
  ownModules.add(path)
  return require(path) as Amaro
}
