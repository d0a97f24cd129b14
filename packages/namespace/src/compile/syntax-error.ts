import { Script } from 'node:vm'
import { lineStarts, type Position, positionAt } from './edits.ts'

/** A cell's source is no program. Its `name` is `SyntaxError`; the message is V8's where V8 understands cells. */
export class CellSyntaxError extends SyntaxError {
  /** 1-based. */
  readonly line: number
  /** 1-based. */
  readonly column: number
  /** The line and a caret under the place. */
  readonly frame: string

  constructor(message: string, source: string, { line, column }: Position) {
    super(message)
    this.line = line
    this.column = column
    const text = source.split(/\r\n|[\n\r\u2028\u2029]/)[line - 1] ?? ''
    this.frame = `${text}\n${text.slice(0, column - 1).replaceAll(/[^\t]/g, ' ')}^`
  }
}

interface V8Verdict extends Position {
  readonly message: string
}

/** What V8 says of the text as a script: undefined when it compiles. */
export function checkScript(source: string): V8Verdict | undefined {
  try {
    void new Script(source, { filename: 'cell' })
    return undefined
  } catch (error) {
    const { message, stack } = error as SyntaxError
    const [, line, indent] = /^cell:(\d+)\n.*\n([ \t]*)/.exec(stack ?? '') ?? []
    return { message, line: Number(line ?? 1), column: (indent?.length ?? 0) + 1 }
  }
}

/** What a script may not have and a cell may: V8 stops there and says nothing of the rest. */
const cellOnly = /\bawait\b|\bimport\b|\bexport\b|\busing\b/

const asyncHead = '(async()=>{'

/** The error for a source that acorn refused with `error`, which V8 refuses too. */
export function toSyntaxError(source: string, error: unknown, verdict: V8Verdict): CellSyntaxError {
  const deferred = /^[ \t]*import\s+(defer|source)\s+[\w*{]/m.exec(source)
  if (deferred) {
    const message = `'import ${deferred[1]}' is not supported in cells`
    return new CellSyntaxError(message, source, positionAt(lineStarts(source), deferred.index))
  }
  if (!cellOnly.test(verdict.message)) return new CellSyntaxError(verdict.message, source, verdict)
  const wrapped = checkScript(`${asyncHead}${source}\n})`)
  if (wrapped && !cellOnly.test(wrapped.message) && wrapped.line <= lineStarts(source).length) {
    const column = wrapped.line === 1 ? wrapped.column - asyncHead.length : wrapped.column
    return new CellSyntaxError(wrapped.message, source, { line: wrapped.line, column })
  }
  return fromAcorn(source, error)
}

/** Acorn's messages for what V8 says otherwise, where V8 cannot be asked. */
const v8Words = new Map([
  ["'return' outside of function", 'Illegal return statement'],
  ['Unterminated string constant', 'Invalid or unexpected token'],
  ['Assigning to rvalue', 'Invalid left-hand side in assignment'],
])

/** The error in acorn's words. */
export function fromAcorn(source: string, error: unknown): CellSyntaxError {
  const { message, pos = 0 } = error as SyntaxError & { pos?: number }
  const own = message.replace(/ \(\d+:\d+\)$/, '')
  const text = v8Words.get(own) ?? own
  const place = positionAt(lineStarts(source), pos)
  if (text !== 'Unexpected token') return new CellSyntaxError(text, source, place)
  const token = /^(?:[\p{ID_Continue}$]+|\S)/u.exec(source.slice(pos))?.[0]
  return new CellSyntaxError(token ? `Unexpected token '${token}'` : 'Unexpected end of input', source, place)
}
