import type {
  AwaitExpression,
  ForOfStatement,
  ImportDeclaration,
  MetaProperty,
  Program,
  VariableDeclaration,
} from 'acorn'
import type { Alias, Analysis, BlockFunction, Call, FoundFunction, Loop, VariablePlace } from './analysis.ts'
import { type Binding, type Reference, Scope } from './scope.ts'

/** `readyAt` of what can be used from the start. */
export const ready = 0

/** What a walk has found so far. References are resolved by its readers, when all declarations are known. */
export class Findings implements Analysis {
  readonly program: Program
  readonly top = new Scope(undefined, true)
  readonly isStrict: boolean
  readonly references: Reference[] = []
  readonly awaits: AwaitExpression[] = []
  readonly statementEnds = new Set<number>()
  readonly forAwaits: ForOfStatement[] = []
  readonly metas: { node: MetaProperty; isCallee: boolean }[] = []
  readonly variables: { node: VariableDeclaration; place: VariablePlace }[] = []
  readonly blockFunctions: BlockFunction[] = []
  readonly calls: Call[] = []
  readonly loops: Loop[] = []
  readonly functions: FoundFunction[] = []
  readonly aliases = new Map<Binding, Alias>()
  awaitsAtTop = false
  disposesAtTop = false
  hasWith = false

  constructor(program: Program) {
    this.program = program
    this.isStrict = hasStrictDirective(program.body)
  }

  declareImports(node: ImportDeclaration): void {
    for (const { local } of node.specifiers) {
      const binding: Binding = { kind: 'import', readyAt: ready }
      this.top.declare(local.name, binding)
      this.aliases.set(binding, { init: node, path: [], scope: this.top })
    }
  }
}

function hasStrictDirective(body: readonly { type: string; directive?: string | undefined }[]): boolean {
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) return false
    if (statement.directive === 'use strict') return true
  }
  return false
}
