import { type AnyNode, type Node, type Options, Parser, type Program } from 'acorn'

export interface ParsedCell {
  readonly program: Program
  /** The cell is one expression that starts with `{`: it needs parentheses. */
  readonly isObject: boolean
}

/** What of acorn's parser a plugin may override; its own types leave it out. */
interface Internals {
  readonly inModule: boolean
  currentScope(): { flags: number }
  parseStatement(context: string | null, topLevel?: boolean, exports?: object): AnyNode
  raise(position: number, message: string): never
}

const switchScope = 1024

/** Allows `using` at the top, and `import` and `export` nowhere else. */
export function cellPlugin(base: typeof Parser): typeof Parser {
  const Base = base as unknown as new (...args: unknown[]) => Internals
  class CellParser extends Base {
    get allowUsing(): boolean {
      return (this.currentScope().flags & switchScope) === 0
    }

    override parseStatement(context: string | null, topLevel?: boolean, exports?: object): AnyNode {
      const node = super.parseStatement(context, topLevel, exports)
      if (topLevel || !/^(?:Import|Export)\w*Declaration$/.test(node.type)) return node
      const message = node.type === 'ImportDeclaration' ? 'Cannot use import statement' : `Unexpected token 'export'`
      return this.raise(node.start, `${message}: only the top level of a cell may have it`)
    }
  }
  return CellParser as unknown as typeof Parser
}

/** A script in which `await`, `import`, `export` and `import.meta` may stand at the top. */
export const cellSyntax: Options = {
  ecmaVersion: 'latest',
  sourceType: 'script',
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowHashBang: true,
}

const CellParser = Parser.extend(cellPlugin)

/** @throws acorn's SyntaxError, with `pos` and `loc` */
export function parseCell(source: string): ParsedCell {
  const program = parseObject(source)
  return program ? { program, isObject: true } : { program: CellParser.parse(source, cellSyntax), isObject: false }
}

/** `{ a: 1 }` is an object before it is a block, as in Node's REPL. */
function parseObject(source: string): Program | undefined {
  const start = /^(?:\s|\/\/.*|\/\*[^]*?\*\/)*\{/.exec(source)?.[0].length
  if (start === undefined || /;\s*$/.test(source)) return undefined
  try {
    const expression: Node = CellParser.parseExpressionAt(source, start - 1, cellSyntax)
    if (!/^(?:\s|\/\/.*|\/\*[^]*?\*\/)*$/.test(source.slice(expression.end))) return undefined
    const { end } = expression
    const statement = { type: 'ExpressionStatement', start: start - 1, end, expression }
    return { type: 'Program', sourceType: 'script', start: 0, end: source.length, body: [statement] } as Program
  } catch {
    return undefined
  }
}
