import type { AnyNode, ClassDeclaration, FunctionDeclaration, VariableDeclaration } from 'acorn'
import type { Analysis, BlockFunction, VariablePlace } from './analysis.ts'
import { Completion } from './completion.ts'
import { Edits, type EditedText } from './edits.ts'
import { type CellImport, collectImports, importCode, rewriteExport } from './modules.ts'
import { completionName, privateName } from './names.ts'
import { rewriteReferences, rewriteWaits } from './references.ts'
import type { Scope } from './scope.ts'

export interface Rewritten extends EditedText {
  readonly isAsync: boolean
}

export interface RewriteOptions {
  readonly source: string
  readonly filename: string
  readonly isConst: (name: string) => boolean
  /** The cell is one expression in braces. */
  readonly isObject: boolean
  /** TypeScript that was printed anew. */
  readonly isPrinted: boolean
}

/**
 * Rewrites a parsed cell to a script whose top-level names are global properties.
 *
 * Without `await` or `using` at the top it stays a plain script: V8 computes its completion value and hoists its functions.
 * With them it becomes `var names; (async () => { ... })()`, in which declarations are assignments.
 */
export function rewrite(analysis: Analysis, options: RewriteOptions): Rewritten {
  const { source, filename, isConst, isObject } = options
  const edits = new Edits(source)
  const isWrapped = analysis.awaitsAtTop || analysis.disposesAtTop
  if (isWrapped) new Wrapping(analysis, edits).run()
  else {
    const [statement] = analysis.program.body
    if (isObject && statement) edits.wrap(statement.start, statement.end, '(', ')')
    rewriteScript(analysis, edits)
  }
  if (options.isPrinted) forgetEarlierEnums(analysis, edits)
  rewriteReferences(analysis, edits, isConst)
  rewriteWaits(analysis, edits, filename)
  return { ...edits.apply(), isAsync: analysis.awaitsAtTop }
}

function rewriteScript(analysis: Analysis, edits: Edits): void {
  for (const { node } of analysis.variables) {
    if (node.kind === 'var') continue
    // as long as the keyword was, so that columns stay
    edits.replace(node.start, node.start + node.kind.length, 'var'.padEnd(node.kind.length))
    for (const { id, init } of node.declarations) if (!init) edits.wrap(id.start, id.end, '', '=void 0')
    edits.terminate(node.end)
  }
  for (const statement of analysis.program.body) {
    const declaration = rewriteExport(statement, edits)
    if (declaration?.type === 'ClassDeclaration' && declaration.id) {
      edits.wrap(declaration.start, declaration.end, `var ${declaration.id.name}=`, ';')
    }
  }
}

/**
 * Enums and namespaces are printed as `(function (E) { ... })(E || (E = {}))`, which would add to what an earlier cell
 * declared under that name: the first of each name starts anew.
 */
function forgetEarlierEnums(analysis: Analysis, edits: Edits): void {
  const seen = new Set<string>()
  for (const { node, depth } of analysis.calls) {
    if (depth > 0 || node.type !== 'CallExpression' || node.callee.type !== 'FunctionExpression') continue
    const [argument] = node.arguments
    if (argument?.type !== 'LogicalExpression' || argument.left.type !== 'Identifier') continue
    const { name } = argument.left
    if (seen.has(name) || analysis.top.bindings.get(name)?.kind !== 'var') continue
    seen.add(name)
    edits.replace(argument.left.start, argument.left.end, 'void 0')
  }
}

class Wrapping {
  readonly #analysis: Analysis
  readonly #edits: Edits
  /** From the name of a top-level function to the private function that makes it. */
  readonly #hoisted = new Map<string, string>()
  /** Functions already declared in a block, as `start name`. */
  readonly #blockNames = new Set<string>()
  #names = 0

  constructor(analysis: Analysis, edits: Edits) {
    this.#analysis = analysis
    this.#edits = edits
  }

  run(): void {
    const { program, variables, blockFunctions } = this.#analysis
    const body = program.body as AnyNode[]
    const directives = body.filter((each) => 'directive' in each && each.directive !== undefined)
    const statements = body.slice(directives.length)
    const imports = collectImports(statements, () => this.#createName())
    new Completion(this.#edits).list(statements)
    for (const statement of statements) this.#statement(statement, imports)
    for (const { node, place } of variables) this.#variables(node, place)
    for (const each of blockFunctions) this.#blockFunction(each)
    this.#wrapper(directives.at(-1), statements, imports)
  }

  #createName(): string {
    return privateName(this.#names++)
  }

  #wrapper(directive: AnyNode | undefined, statements: readonly AnyNode[], imports: readonly CellImport[]): void {
    const { top, awaitsAtTop } = this.#analysis
    const [first, last] = [statements[0], statements.at(-1)]
    if (!first || !last) return
    const names = [...top.bindings.keys()]
    const initial = directive ? this.#edits.source.slice(directive.start, directive.end).replace(/;$/, '') : 'void 0'
    const hoisted = [...this.#hoisted].map(([name, thunk]) => `${name}=${thunk}();`)
    const head = `${directive ? ';' : ''}${names.length > 0 ? `var ${names.join()};` : ''}(${awaitsAtTop ? 'async' : ''}()=>{`
    const opening = `var ${completionName}={v:${initial}};${hoisted.join('')}${imports.map(importCode).join('')}`
    const closing = `;return ${completionName}${awaitsAtTop ? '' : '.v'}})()`
    this.#edits.enclose(first.start, last.end, head + opening, closing)
  }

  #statement(statement: AnyNode, imports: readonly CellImport[]): void {
    if (imports.some(({ node }) => node === statement)) {
      this.#edits.blank(statement.start, statement.end, ';')
      return
    }
    let declaration = rewriteExport(statement, this.#edits)
    while (declaration?.type === 'LabeledStatement') declaration = declaration.body as AnyNode
    if (declaration?.type === 'FunctionDeclaration') {
      const { name } = (declaration as FunctionDeclaration).id
      this.#hoisted.set(name, this.#makeLater(declaration as FunctionDeclaration, this.#analysis.top))
    } else if (declaration?.type === 'ClassDeclaration') {
      const { id, start, end } = declaration as ClassDeclaration
      this.#edits.wrap(start, end, `void(${id.name}=`, ');')
    }
  }

  /**
   * Turns a function declaration into a private one that makes the function. It is hoisted as well, and leaves no local
   * binding of the user's name, which would hide the global one and its later updates. For the same reason a function
   * that refers to itself becomes an anonymous one, named by its property (only its `toString()` tells).
   */
  #makeLater(node: FunctionDeclaration, owner: Scope): string {
    const maker = this.#createName()
    const { name } = node.id
    if (this.#refersToItself(node, owner)) {
      this.#edits.wrap(node.start, node.end, `function ${maker}(){return{${name}:`, `}.${name}}`)
      this.#edits.blank(node.id.start, node.id.end)
    } else this.#edits.wrap(node.start, node.end, `function ${maker}(){return `, '}')
    return maker
  }

  #refersToItself({ id, start, end }: FunctionDeclaration, owner: Scope): boolean {
    return this.#analysis.references.some(
      ({ node, scope }) =>
        node.name === id.name && node.start >= start && node.end <= end && scope.resolve(id.name) === owner,
    )
  }

  #variables(node: VariableDeclaration, place: VariablePlace): void {
    const { start, end, kind, declarations } = node
    if (kind === 'using' || kind === 'await using') {
      // V8 keeps the resource until the wrapper ends
      for (const { id } of declarations) this.#edits.wrap(id.start, id.end, `${this.#createName()}=`, '')
      return
    }
    for (const { id, init } of declarations) {
      if (place === 'for-each') {
        if (id.type === 'Identifier' && (id.name === 'async' || id.name === 'let')) {
          this.#edits.wrap(id.start, id.end, '(', ')')
        }
      } else if (!init && kind === 'var') this.#edits.replace(id.start, id.end, '0')
      else if (!init) this.#edits.wrap(id.start, id.end, '', '=void 0')
    }
    if (place !== 'statement') {
      this.#edits.blank(start, start + kind.length)
      return
    }
    this.#edits.replace(start, start + kind.length, 'void(')
    this.#edits.wrap(start, declarations.at(-1)?.end ?? end, '', ')')
    this.#edits.terminate(end)
  }

  #blockFunction({ node, parent, scope }: BlockFunction): void {
    const { name } = node.id
    if (parent.type === 'BlockStatement') {
      this.#edits.wrap(node.start, node.end, '', `this.${name}=${name};`)
      const maker = this.#makeLater(node, scope)
      const isFirst = !this.#blockNames.has(`${parent.start} ${name}`)
      this.#blockNames.add(`${parent.start} ${name}`)
      this.#edits.insert(parent.start + 1, `${isFirst ? 'let ' : ''}${name}=${maker}();`)
    } else if (parent.type === 'IfStatement') this.#edits.wrap(node.start, node.end, `{this.${name}=`, ';}')
    else if (parent.type === 'SwitchStatement') this.#edits.wrap(node.start, node.end, '', `this.${name}=${name};`)
  }
}
