import type {
  AnyNode,
  ArrowFunctionExpression,
  AwaitExpression,
  CallExpression,
  Class,
  ForInStatement,
  ForOfStatement,
  ForStatement,
  Function as FunctionNode,
  FunctionDeclaration,
  ImportDeclaration,
  ImportExpression,
  MetaProperty,
  NewExpression,
  Node,
  Pattern,
  Program,
  VariableDeclaration,
} from 'acorn'
import type { BindingKind } from './compile.ts'
import { type Binding, isLexical, type Reference, Scope } from './scope.ts'

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

export function analyse(program: Program, source: string): Analysis {
  return new Walk(program, source).run()
}

export interface BlockFunction {
  readonly node: FunctionDeclaration
  readonly parent: AnyNode
  readonly scope: Scope
  readonly depth: number
}

const ready = 0

class Walk implements Analysis {
  readonly program: Program
  readonly top = new Scope(undefined, true)
  isStrict = false
  readonly references: Reference[] = []
  readonly awaits: AwaitExpression[] = []
  readonly statementEnds = new Set<number>()
  readonly forAwaits: ForOfStatement[] = []
  readonly metas: { node: MetaProperty; isCallee: boolean }[] = []
  readonly variables: { node: VariableDeclaration; place: VariablePlace }[] = []
  readonly blockFunctions: BlockFunction[] = []
  readonly calls: Call[] = []
  readonly loops: Loop[] = []
  readonly aliases = new Map<Binding, Alias>()
  awaitsAtTop = false
  disposesAtTop = false
  hasWith = false
  readonly #source: string
  #scope = this.top
  #depth = 0
  #suspensions = 0
  readonly #candidates: BlockFunction[] = []
  readonly #callees = new Set<Node>()

  constructor(program: Program, source: string) {
    this.program = program
    this.#source = source
  }

  run(): Analysis {
    this.isStrict = hasStrictDirective(this.program.body)
    this.#statements(this.program.body as AnyNode[], this.program)
    for (const candidate of this.#candidates) this.#hoistBlockFunction(candidate)
    return this
  }

  /** The names of a statement list first, so that a function above a declaration finds it. */
  #statements(body: readonly AnyNode[], parent: AnyNode): void {
    for (const statement of body) this.#visitIn(statement, parent)
  }

  #visitIn(node: AnyNode, parent: AnyNode): void {
    if (node.type === 'FunctionDeclaration') this.#functionDeclaration(node as FunctionDeclaration, parent)
    else if (node.type === 'VariableDeclaration') this.#variables(node, 'statement')
    else this.#visit(node)
  }

  #visit(node: AnyNode | null | undefined): void {
    if (!node) return
    switch (node.type) {
      case 'Identifier':
        return this.#refer(node, false)
      case 'MemberExpression':
        this.#visit(node.object)
        if (node.computed) this.#visit(node.property as AnyNode)
        return
      case 'Property':
        if (node.computed) this.#visit(node.key)
        if (node.shorthand && node.value.type === 'Identifier') this.#refer(node.value, false, true)
        else this.#visit(node.value as AnyNode)
        return
      case 'AssignmentExpression':
        this.#assign(node.left)
        return this.#visit(node.right)
      case 'UpdateExpression':
        return this.#assign(node.argument as Pattern)
      case 'FunctionDeclaration':
        return this.#functionDeclaration(node as FunctionDeclaration, node)
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return this.#function(node)
      case 'ClassDeclaration':
        if (node.id) {
          const source = this.#source.slice(node.start, node.end)
          this.#scope.declare(node.id.name, { kind: 'class', readyAt: node.end, source })
        }
        return this.#class(node)
      case 'ClassExpression':
        return this.#class(node)
      case 'VariableDeclaration':
        return this.#variables(node, 'statement')
      case 'BlockStatement':
        return this.#inScope(new Scope(this.#scope, false), () => this.#statements(node.body, node))
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        return this.#loop(node)
      case 'SwitchStatement':
        return this.#switch(node)
      case 'CatchClause':
        return this.#inScope(new Scope(this.#scope, false), () => {
          if (node.param) this.#declare(node.param, 'parameter', node.param.end)
          this.#visit(node.body)
        })
      case 'LabeledStatement':
        return this.#visitIn(node.body, node)
      case 'IfStatement':
        this.#visit(node.test)
        this.#visitIn(node.consequent, node)
        if (node.alternate) this.#visitIn(node.alternate, node)
        return
      case 'BreakStatement':
      case 'ContinueStatement':
        return
      default:
        return this.#visitOther(node)
    }
  }

  #visitOther(node: AnyNode): void {
    switch (node.type) {
      case 'ExpressionStatement':
      case 'ReturnStatement':
      case 'ThrowStatement':
        this.statementEnds.add(node.end)
        return this.#children(node)
      case 'AwaitExpression':
        this.awaits.push(node)
        this.#suspend()
        return this.#visit(node.argument)
      case 'YieldExpression':
        this.#suspensions++
        return this.#visit(node.argument)
      case 'MetaProperty':
        if (node.meta.name === 'import') this.metas.push({ node, isCallee: this.#callees.has(node) })
        return
      case 'CallExpression':
      case 'ImportExpression':
        this.calls.push({ node, scope: this.#scope, depth: this.#depth })
        return this.#children(node)
      case 'NewExpression':
        this.calls.push({ node, scope: this.#scope, depth: this.#depth })
        for (let callee: AnyNode = node.callee; ; callee = callee.object as AnyNode) {
          this.#callees.add(callee)
          if (callee.type !== 'MemberExpression') break
        }
        return this.#children(node)
      case 'WithStatement':
        this.hasWith = true
        return this.#children(node)
      case 'ImportDeclaration':
        this.awaitsAtTop = true
        return this.#import(node)
      case 'ExportNamedDeclaration':
        if (node.source) this.awaitsAtTop = true
        if (node.declaration) this.#visitIn(node.declaration, this.program)
        return
      case 'ExportAllDeclaration':
        this.awaitsAtTop = true
        return
      case 'ExportDefaultDeclaration': {
        const { declaration } = node
        const isNamed = 'id' in declaration && declaration.id
        if (declaration.type === 'FunctionDeclaration' && !isNamed) return this.#function(declaration)
        if (declaration.type === 'ClassDeclaration' && !isNamed) return this.#class(declaration)
        return this.#visitIn(declaration as AnyNode, this.program)
      }
      default:
        return this.#children(node)
    }
  }

  #children(node: AnyNode): void {
    for (const key in node) {
      const value: unknown = (node as unknown as Record<string, unknown>)[key]
      if (typeof value !== 'object' || value === null) continue
      if (Array.isArray(value)) for (const item of value) this.#visit(item as AnyNode | null)
      else if ('type' in value) this.#visit(value as AnyNode)
    }
  }

  #inScope(scope: Scope, body: () => void): void {
    const outer = this.#scope
    this.#scope = scope
    body()
    this.#scope = outer
  }

  #suspend(): void {
    this.#suspensions++
    if (this.#depth === 0) this.awaitsAtTop = true
  }

  #refer(node: Reference['node'], isWrite: boolean, isShorthand = false): void {
    this.references.push({ node, scope: this.#scope, isWrite, isShorthand, depth: this.#depth })
  }

  #function(node: FunctionNode | ArrowFunctionExpression): void {
    const named = node.type === 'FunctionExpression' && node.id
    const outer = named ? new Scope(this.#scope, false) : this.#scope
    if (named) outer.declare(named.name, { kind: 'function', readyAt: ready })
    const suspensions = this.#suspensions
    this.#depth++
    this.#inScope(new Scope(outer, true), () => {
      for (const parameter of node.params) this.#declare(parameter, 'parameter', ready)
      if (node.body.type === 'BlockStatement') this.#statements(node.body.body, node as AnyNode)
      else this.#visit(node.body)
    })
    this.#depth--
    this.#suspensions = suspensions
  }

  #functionDeclaration(node: FunctionDeclaration, parent: AnyNode): void {
    const source = this.#source.slice(node.start, node.end)
    if (node.id) this.#scope.declare(node.id.name, { kind: 'function', readyAt: ready, source, isAsync: node.async })
    const isPlain = !node.async && !node.generator && !this.isStrict
    if (isPlain && !this.#scope.isFunction) {
      this.#candidates.push({ node, parent, scope: this.#scope, depth: this.#depth })
    } else if (isPlain && parent.type === 'IfStatement') {
      this.#candidates.push({ node, parent, scope: new Scope(this.#scope, false), depth: this.#depth })
    }
    this.#function(node)
  }

  #hoistBlockFunction(candidate: BlockFunction): void {
    const { name } = candidate.node.id
    const target = candidate.scope.functionScope
    for (let scope = candidate.scope.parent; scope && scope !== target; scope = scope.parent) {
      const between = scope.bindings.get(name)
      if (between && isLexical(between)) return
    }
    const known = target.bindings.get(name)
    if (known && (isLexical(known) || known.kind === 'parameter')) return
    const source = this.#source.slice(candidate.node.start, candidate.node.end)
    if (!known) target.declare(name, { kind: 'function', readyAt: ready, source })
    if (candidate.depth === 0) this.blockFunctions.push(candidate)
  }

  #class(node: Class): void {
    this.#inScope(new Scope(this.#scope, false), () => {
      if (node.id) this.#scope.declare(node.id.name, { kind: 'class', readyAt: ready })
      this.#visit(node.superClass)
      for (const member of node.body.body) {
        if (member.type === 'StaticBlock') this.#classCode(() => this.#statements(member.body, member))
        else {
          if (member.computed) this.#visit(member.key as AnyNode)
          if (member.type === 'PropertyDefinition') this.statementEnds.add(member.end)
          if (member.type === 'MethodDefinition') this.#function(member.value)
          else this.#classCode(() => this.#visit(member.value))
        }
      }
    })
  }

  #classCode(body: () => void): void {
    this.#depth++
    this.#inScope(new Scope(this.#scope, true), body)
    this.#depth--
  }

  #loop(node: ForStatement | ForInStatement | ForOfStatement | (AnyNode & { test: unknown })): void {
    const before = this.#suspensions
    this.#inScope(new Scope(this.#scope, false), () => {
      if (node.type === 'ForStatement') {
        if (node.init?.type === 'VariableDeclaration') this.#variables(node.init, 'for')
        else this.#visit(node.init)
        this.#visit(node.test)
        this.#visit(node.update)
        this.#visit(node.body)
      } else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement') {
        if (node.left.type === 'VariableDeclaration') this.#variables(node.left, 'for-each')
        else this.#assign(node.left)
        if (node.type === 'ForOfStatement' && node.await) {
          this.forAwaits.push(node)
          this.#suspend()
        }
        this.#visit(node.right)
        this.#visit(node.body)
      } else this.#children(node)
    })
    this.loops.push({ node, scope: this.#scope, suspends: this.#suspensions > before })
  }

  #switch(node: AnyNode & { type: 'SwitchStatement' }): void {
    this.#visit(node.discriminant)
    this.#inScope(new Scope(this.#scope, false), () => {
      for (const each of node.cases) {
        this.#visit(each.test)
        this.#statements(each.consequent, node)
      }
    })
  }

  #variables(node: VariableDeclaration, place: VariablePlace): void {
    if (place === 'statement') this.statementEnds.add(node.end)
    const isUsing = node.kind === 'using' || node.kind === 'await using'
    if (node.kind === 'await using') this.#suspend()
    const isTop = node.kind === 'var' ? this.#depth === 0 : this.#scope === this.top
    if (isTop) this.variables.push({ node, place })
    if (isTop && isUsing) this.disposesAtTop = true
    const scope = node.kind === 'var' ? this.#scope.functionScope : this.#scope
    const kind: BindingKind = isUsing ? 'const' : (node.kind as 'var' | 'let' | 'const')
    for (const { id, init } of node.declarations) {
      if (id.type === 'Identifier') {
        if (kind === 'var' && !init && place === 'statement' && scope.bindings.has(id.name)) continue
        const binding: Binding = { kind, readyAt: kind === 'var' ? ready : (init ?? id).end, source: sourceOf(init, this.#source) }
        scope.declare(id.name, binding)
        if (init) this.aliases.set(binding, { init: init as AnyNode, path: [], scope: this.#scope })
      } else this.#declare(id, kind, ready, scope, init ? [init.start, init.end] : undefined, init as AnyNode | undefined)
      this.#visit(init)
    }
  }

  /** Declares each name of a pattern; what the pattern computes (keys, defaults) is visited as code. */
  #declare(
    pattern: Pattern,
    kind: Binding['kind'],
    readyAt: number,
    scope = this.#scope,
    initialiser?: readonly [number, number],
    init?: AnyNode,
    path: readonly string[] | undefined = [],
  ): void {
    switch (pattern.type) {
      case 'Identifier': {
        const early = kind === 'let' || kind === 'const' ? Math.max(readyAt, pattern.end) : ready
        const binding: Binding = { kind, readyAt: early, ...(initialiser ? { initialiser } : {}) }
        scope.declare(pattern.name, binding)
        if (init && path) this.aliases.set(binding, { init, path, scope: this.#scope })
        return
      }
      case 'AssignmentPattern':
        this.#declare(pattern.left, kind, pattern.end, scope, initialiser, init, path)
        return this.#visit(pattern.right)
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') this.#declare(property, kind, readyAt, scope, initialiser)
          else {
            if (property.computed) this.#visit(property.key)
            const key = !property.computed && property.key.type === 'Identifier' ? property.key.name : undefined
            const inner = key === undefined || !path ? undefined : [...path, key]
            this.#declare(property.value, kind, readyAt, scope, initialiser, inner ? init : undefined, inner)
          }
        }
        return
      case 'ArrayPattern':
        for (const element of pattern.elements) {
          if (element) this.#declare(element, kind, readyAt, scope, initialiser)
        }
        return
      case 'RestElement':
        return this.#declare(pattern.argument, kind, readyAt, scope, initialiser)
      case 'MemberExpression':
        return this.#visit(pattern)
    }
  }

  #assign(pattern: Pattern, isShorthand = false): void {
    switch (pattern.type) {
      case 'Identifier':
        return this.#refer(pattern, true, isShorthand)
      case 'AssignmentPattern':
        this.#assign(pattern.left, isShorthand)
        return this.#visit(pattern.right)
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') this.#assign(property)
          else {
            if (property.computed) this.#visit(property.key)
            this.#assign(property.value, property.shorthand)
          }
        }
        return
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element) this.#assign(element)
        return
      case 'RestElement':
        return this.#assign(pattern.argument)
      case 'MemberExpression':
        return this.#visit(pattern)
      default:
        return this.#visit(pattern)
    }
  }

  #import(node: ImportDeclaration): void {
    for (const { local } of node.specifiers) {
      const binding: Binding = { kind: 'import', readyAt: ready }
      this.top.declare(local.name, binding)
      this.aliases.set(binding, { init: node, path: [], scope: this.top })
    }
  }
}

export function hasStrictDirective(body: readonly { type: string; directive?: string | undefined }[]): boolean {
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) return false
    if (statement.directive === 'use strict') return true
  }
  return false
}

/** The text of a function, arrow or class initialiser. */
function sourceOf(init: AnyNode | null | undefined, source: string): string | undefined {
  switch (init?.type) {
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassExpression':
      return source.slice(init.start, init.end)
    default:
      return undefined
  }
}
