import type {
  AnyNode,
  ArrowFunctionExpression,
  Class,
  ClassDeclaration,
  Function as FunctionNode,
  FunctionDeclaration,
  Pattern,
  Program,
  VariableDeclaration,
} from 'acorn'
import type { Analysis, BlockFunction, VariablePlace } from './analysis.ts'
import { hoist } from './block-functions.ts'
import type { BindingKind } from './compile.ts'
import { Findings, ready } from './findings.ts'
import { calleeParts, forEachChild, operandsOf, sourceOf } from './nodes.ts'
import { walkPattern } from './patterns.ts'
import { type Binding, type Reference, Scope } from './scope.ts'

export function analyse(program: Program, source: string): Analysis {
  return new Walk(program, source).run()
}

interface PatternDeclaration {
  readonly kind: Binding['kind']
  readonly scope: Scope
  readonly init?: AnyNode | undefined
}

/** One class, because a walk is one recursion: whatever a node is, its children may be anything. */
class Walk extends Findings {
  readonly #source: string
  #scope: Scope = this.top
  #depth = 0
  #suspensions = 0
  readonly #candidates: BlockFunction[] = []
  readonly #callees = new Set<AnyNode>()

  constructor(program: Program, source: string) {
    super(program)
    this.#source = source
  }

  run(): Analysis {
    this.#statements(this.program.body as AnyNode[], this.program)
    const hoisted = this.#candidates.filter((candidate) => hoist(candidate, this.#source))
    this.blockFunctions.push(...hoisted.filter(({ depth }) => depth === 0))
    return this
  }

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
      case 'BinaryExpression':
      case 'LogicalExpression':
        for (const operand of operandsOf(node)) this.#visit(operand)
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
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return this.#function(node)
      case 'ClassDeclaration':
        return this.#classDeclaration(node as ClassDeclaration)
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
          if (node.param) this.#declarePattern(node.param, { kind: 'parameter', scope: this.#scope })
          this.#visit(node.body)
        })
      case 'LabeledStatement':
        return this.#visitIn(node.body, node)
      case 'IfStatement':
        this.#visit(node.test)
        this.#visitIn(node.consequent, node)
        if (node.alternate) this.#visitIn(node.alternate, node)
        return
      default:
        return this.#visitOther(node)
    }
  }

  #visitOther(node: AnyNode): void {
    switch (node.type) {
      case 'BreakStatement':
      case 'ContinueStatement':
        return
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
        for (const part of calleeParts(node)) this.#callees.add(part)
        return this.#children(node)
      case 'WithStatement':
        this.hasWith = true
        return this.#children(node)
      case 'ImportDeclaration':
        this.awaitsAtTop = true
        return this.declareImports(node)
      case 'ExportNamedDeclaration':
        if (node.source) this.awaitsAtTop = true
        if (node.declaration) this.#visitIn(node.declaration, this.program)
        return
      case 'ExportAllDeclaration':
        return void (this.awaitsAtTop = true)
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
    forEachChild(node, (child) => this.#visit(child))
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
    this.functions.push({ node, outer: this.#scope })
    const named = node.type === 'FunctionExpression' && node.id
    const outer = named ? new Scope(this.#scope, false) : this.#scope
    if (named) outer.declare(named.name, { kind: 'function', readyAt: ready })
    const suspensions = this.#suspensions
    this.#depth++
    this.#inScope(new Scope(outer, true), () => {
      for (const parameter of node.params) this.#declarePattern(parameter, { kind: 'parameter', scope: this.#scope })
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

  #classDeclaration(node: ClassDeclaration): void {
    const source = this.#source.slice(node.start, node.end)
    this.#scope.declare(node.id.name, { kind: 'class', readyAt: node.end, source })
    this.#class(node)
  }

  #class(node: Class): void {
    this.functions.push({ node, outer: this.#scope })
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

  #loop(node: AnyNode): void {
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
        // a bare `var x` leaves x what it is
        if (kind === 'var' && !init && place === 'statement' && scope.bindings.has(id.name)) continue
        const readyAt = kind === 'var' ? ready : (init ?? id).end
        const binding: Binding = { kind, readyAt, source: sourceOf(init, this.#source) }
        scope.declare(id.name, binding)
        if (init) this.aliases.set(binding, { init, path: [], scope: this.#scope })
      } else this.#declarePattern(id, { kind, scope, init: init ?? undefined })
      this.#visit(init)
    }
  }

  #declarePattern(pattern: Pattern, { kind, init, scope }: PatternDeclaration): void {
    const initialiser = init ? ([init.start, init.end] as const) : undefined
    walkPattern(pattern, {
      name: ({ node, end, path }) => {
        const readyAt = kind === 'let' || kind === 'const' ? end : ready
        const binding: Binding = { kind, readyAt, initialiser }
        scope.declare(node.name, binding)
        if (init && path) this.aliases.set(binding, { init, path, scope: this.#scope })
      },
      code: (node) => this.#visit(node),
    })
  }

  #assign(pattern: Pattern): void {
    walkPattern(pattern, {
      name: ({ node, isShorthand }) => this.#refer(node, true, isShorthand),
      code: (node) => this.#visit(node),
    })
  }
}
