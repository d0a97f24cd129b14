import type {
  AnyNode,
  ExportAllDeclaration,
  ExportDefaultDeclaration,
  ExportNamedDeclaration,
  Identifier,
  ImportAttribute,
  ImportDeclaration,
  Literal,
} from 'acorn'
import type { Edits } from './edits.ts'
import { runtimeName } from './names.ts'

type Importing = ImportDeclaration | ExportAllDeclaration | (ExportNamedDeclaration & { source: Literal })

export interface CellImport {
  readonly node: Importing
  /** The private variable that holds the module's namespace. */
  readonly local: string
}

/** The statements that load a module, in order. */
export function collectImports(body: readonly AnyNode[], createName: () => string): CellImport[] {
  return body.filter(isImporting).map((node) => ({ node, local: createName() }))
}

/** Awaited dynamic imports that set the names; `export ... from` only loads. */
export function importCode({ node, local }: CellImport): string {
  const source = JSON.stringify(node.source.value)
  const withAttributes = attributes(node.attributes)
  const load = `await ${runtimeName}.wait(import(${source}${withAttributes && `,${withAttributes}`}));`
  if (node.type !== 'ImportDeclaration' || node.specifiers.length === 0) return load
  const told = `${runtimeName}.loaded(${source},${JSON.stringify(withAttributes)},${local});`
  const names = node.specifiers.map((specifier) => {
    if (specifier.type === 'ImportNamespaceSpecifier') return `${specifier.local.name}=${local};`
    const imported = specifier.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(specifier.imported)
    const key = JSON.stringify(imported)
    const message = `The requested module '${String(node.source.value)}' does not provide an export named '${imported}'`
    return `if(!(${key} in ${local}))throw new SyntaxError(${JSON.stringify(message)});${specifier.local.name}=${local}[${key}];`
  })
  return `const ${local}=${load}${told}${names.join('')}`
}

/**
 * Takes the `export` away and returns the declaration that stays. `export default value` leaves the value as an
 * expression; `export { names }` leaves nothing. Statements that load a module are left to `importCode`.
 */
export function rewriteExport(statement: AnyNode, edits: Edits): AnyNode | undefined {
  if (statement.type === 'ExportNamedDeclaration' && !statement.source) {
    const { declaration } = statement
    if (declaration) edits.blank(statement.start, declaration.start)
    else edits.blank(statement.start, statement.end, ';')
    return declaration ?? undefined
  }
  if (statement.type === 'ExportDefaultDeclaration') {
    const { declaration } = statement
    const value = exportedValue(statement, edits.source)
    if (isNamedDeclaration(declaration)) {
      edits.blank(statement.start, value.start)
      return declaration as AnyNode
    }
    edits.blank(statement.start, value.start, ';')
    edits.wrap(value.start, value.end, '(', ')')
    edits.terminate(statement.end)
    return undefined
  }
  return statement
}

/** The range of what stands between `export default` and the semicolon. */
export function exportedValue(node: ExportDefaultDeclaration, source: string): { start: number; end: number } {
  const head = /export(?:\s|\/\*[^]*?\*\/|\/\/.*)*default/y
  head.lastIndex = node.start
  head.test(source)
  return { start: head.lastIndex, end: source[node.end - 1] === ';' ? node.end - 1 : node.end }
}

export function isNamedDeclaration(node: { type: string }): boolean {
  const isKind = node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration'
  return isKind && (node as { id?: unknown }).id != null
}

function isImporting(node: AnyNode): node is Importing {
  if (node.type === 'ExportNamedDeclaration') return node.source != null
  return node.type === 'ImportDeclaration' || node.type === 'ExportAllDeclaration'
}

function nameOf(node: Identifier | Literal): string {
  return node.type === 'Identifier' ? node.name : String(node.value)
}

function attributes(list: readonly ImportAttribute[]): string {
  if (list.length === 0) return ''
  const entries = list.map(({ key, value }) => `${JSON.stringify(nameOf(key))}:${JSON.stringify(value.value)}`)
  return `{with:{${entries.join()}}}`
}
