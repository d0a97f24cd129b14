import type { AnyNode, BlockStatement, Statement } from 'acorn'
import type { Edits } from './edits.ts'
import { exportedValue, isNamedDeclaration } from './modules.ts'
import { completionName as box } from './names.ts'

type Node = Statement | AnyNode

const reset = `${box}.v=void 0;`

/**
 * Keeps the completion value of statements in `__capsule__v.v`, where V8 would keep it. It goes through them from the last
 * to the first, as V8's own rewriting does, so that a loop that is not the last statement pays nothing.
 */
export class Completion {
  readonly #edits: Edits
  /** What follows sets the value for certain. */
  #isSet = false
  /** Inside of something that `break` or `continue` may leave before what follows. */
  #isBreakable = false

  constructor(edits: Edits) {
    this.#edits = edits
  }

  list(statements: readonly Node[]): void {
    for (const statement of statements.toReversed()) {
      if (this.#isSet && !this.#isBreakable) return
      this.#statement(statement, true)
    }
  }

  #statement(node: Node, isInList: boolean): void {
    switch (node.type) {
      case 'ExpressionStatement':
        this.#expression(node.start, this.#endOf(node))
        return this.#edits.terminate(node.end)
      case 'ExportDefaultDeclaration': {
        const { start, end } = exportedValue(node, this.#edits.source)
        if (!isNamedDeclaration(node.declaration)) this.#expression(start, end)
        return
      }
      case 'BlockStatement':
        return this.list(node.body)
      case 'LabeledStatement':
        return this.#labelled(node, isInList)
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        this.#breakable(() => this.#statement(node.body, false))
        return this.#setBefore(node, isInList)
      case 'SwitchStatement':
        this.#breakable(() => {
          for (const each of node.cases.toReversed()) this.list(each.consequent)
        })
        return this.#setBefore(node, isInList)
      case 'IfStatement':
        this.#either(
          () => this.#statement(node.consequent, false),
          () => node.alternate && this.#statement(node.alternate, false),
        )
        return this.#setUnless(node, isInList)
      case 'WithStatement':
        this.#statement(node.body, false)
        return this.#setUnless(node, isInList)
      case 'TryStatement':
        return this.#try(node, isInList)
      case 'ThrowStatement':
        this.#isSet = true
        return
      case 'BreakStatement':
      case 'ContinueStatement':
        this.#isSet = false
        return
    }
  }

  #expression(start: number, end: number): void {
    if (this.#isSet) return
    // Not `box=(...)`: a function would get the variable's name.
    this.#edits.wrap(start, end, `${box}.v=(`, ')')
    this.#isSet = true
  }

  #endOf(node: { end: number }): number {
    return this.#edits.source[node.end - 1] === ';' ? node.end - 1 : node.end
  }

  #labelled(node: Node & { type: 'LabeledStatement' }, isInList: boolean): void {
    let { body } = node as { body: Statement }
    while (body.type === 'LabeledStatement') body = body.body
    if (isLoop(body)) {
      const loop = body
      this.#breakable(() => this.#statement(loop.body, false))
      return this.#setBefore(node, isInList)
    }
    this.#breakable(() => this.#statement(body, false))
  }

  #try(node: Node & { type: 'TryStatement' }, isInList: boolean): void {
    const { block, handler, finalizer } = node
    if (finalizer && this.#isBreakable) this.#finally(finalizer)
    if (handler) {
      this.#either(
        () => this.list(block.body),
        () => this.list(handler.body.body),
      )
    } else this.list(block.body)
    this.#setUnless(node, isInList)
  }

  /** A finally block gives no value, unless it breaks out: then the one it had there, or undefined. */
  #finally({ body, start, end }: BlockStatement): void {
    this.#isSet = true
    this.list(body)
    if (this.#isSet) {
      this.#edits.insert(start + 1, `const ${box}b=${box}.v;`)
      this.#edits.wrap(start, end - 1, '', `;${box}.v=${box}b;`)
    } else this.#edits.insert(start + 1, reset)
    this.#isSet = false
  }

  #either(first: () => void, second: () => void): void {
    const after = this.#isSet
    first()
    const isSetInFirst = this.#isSet
    this.#isSet = after
    second()
    this.#isSet &&= isSetInFirst
  }

  #breakable(body: () => void): void {
    const outer = this.#isBreakable
    this.#isBreakable = true
    body()
    this.#isBreakable = outer
  }

  #setUnless(node: Node, isInList: boolean): void {
    if (this.#isSet) return
    this.#setBefore(node, isInList)
  }

  #setBefore(node: Node, isInList: boolean): void {
    if (isInList) this.#edits.insert(node.start, reset)
    else this.#edits.wrap(node.start, node.end, `{${reset}`, '}')
    this.#isSet = true
  }
}

function isLoop(node: Statement): node is Statement & { body: Statement } {
  return node.type.startsWith('For') || node.type === 'WhileStatement' || node.type === 'DoWhileStatement'
}
