import type {
  AnyNode,
  ArrowFunctionExpression,
  AwaitExpression,
  CallExpression,
  Class,
  ForOfStatement,
  Function as FunctionNode,
  FunctionDeclaration,
  ImportExpression,
  MetaProperty,
  NewExpression,
  Program,
  VariableDeclaration,
} from 'acorn'
import type { Binding, Reference, Scope } from './scope.ts'

/** What one walk over a cell finds; the rewriting and the mode analysis only read it. */
export interface Analysis {
  readonly program: Program
  readonly top: Scope
  readonly isStrict: boolean
  readonly references: readonly Reference[]
  readonly awaits: readonly AwaitExpression[]
  /** Where statements end that `await` may end. */
  readonly statementEnds: ReadonlySet<number>
  readonly forAwaits: readonly ForOfStatement[]
  readonly metas: readonly { readonly node: MetaProperty; readonly isCallee: boolean }[]
  /** Declarations whose names are the cell's own: at the top, and each `var` outside of functions. */
  readonly variables: readonly { readonly node: VariableDeclaration; readonly place: VariablePlace }[]
  /** Functions in blocks that sloppy code sees outside of the block too (ECMAScript B.3.2). */
  readonly blockFunctions: readonly BlockFunction[]
  readonly calls: readonly Call[]
  readonly loops: readonly Loop[]
  /** Every function and class, in the order of the text. */
  readonly functions: readonly FoundFunction[]
  /** `await`, `for await`, `await using` or a static import outside of functions. */
  readonly awaitsAtTop: boolean
  /** `using` outside of functions and blocks. */
  readonly disposesAtTop: boolean
  readonly hasWith: boolean
  /** Local names to what they were initialised with, for aliases: `const { readFileSync: read } = require('fs')`. */
  readonly aliases: ReadonlyMap<Binding, Alias>
}

export type VariablePlace = 'statement' | 'for' | 'for-each'

export interface Call {
  readonly node: CallExpression | NewExpression | ImportExpression
  readonly scope: Scope
  readonly depth: number
}

export interface FoundFunction {
  readonly node: FunctionNode | ArrowFunctionExpression | Class
  /** The scope around it; its own name, if it is an expression, is not in there. */
  readonly outer: Scope
}

export interface Loop {
  readonly node: AnyNode
  readonly scope: Scope
  /** Whether the loop itself awaits or yields (in no function inside of it). */
  readonly suspends: boolean
}

/** `path` leads from the value of `init` to the name. */
export interface Alias {
  readonly init: AnyNode
  readonly path: readonly string[]
  readonly scope: Scope
}

export interface BlockFunction {
  readonly node: FunctionDeclaration
  readonly parent: AnyNode
  readonly scope: Scope
  readonly depth: number
}
