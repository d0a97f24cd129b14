import type {
  AnyNode,
  ArrowFunctionExpression,
  AssignmentProperty,
  Class,
  Function as FunctionNode,
  Identifier,
  MethodDefinition,
  Property,
} from 'acorn'
import type { FoundFunction } from './analysis.ts'
import { forEachChild } from './nodes.ts'

/** How the text of a function becomes a function again. */
export type FunctionForm = 'expression' | 'method' | 'class'

export type AnyFunction = FoundFunction['node']

export interface Place {
  /** The range that `toString` shows. */
  readonly start: number
  readonly end: number
  readonly form: FunctionForm
  readonly isStrict: boolean
  readonly key: string | undefined
  readonly isMember: boolean
  /** `this`, `super`, `arguments` and `new.target` of a surrounding function, `#names` of a surrounding class. */
  readonly borrowed: Set<string>
}

/** Finds for each function what `toString` shows of it, and whose `this` and `#names` it uses. */
export class PlaceWalk {
  readonly #code: string
  readonly #isStrict: boolean
  readonly #places = new Map<AnyFunction, Place>()

  constructor(code: string, isStrict: boolean) {
    this.#code = code
    this.#isStrict = isStrict
  }

  run(program: AnyNode): ReadonlyMap<AnyFunction, Place> {
    const isStrict = this.#isStrict
    this.#visit(program, { arrows: [], heads: [], functions: [], hasOwnThis: false, isStrict })
    return this.#places
  }

  #visit(node: AnyNode, around: Around): void {
    switch (node.type) {
      case 'ThisExpression':
        return this.#borrow('this', around)
      case 'Super':
        return this.#borrowSuper(around)
      case 'Identifier':
        return node.name === 'arguments' ? this.#borrow('arguments', around) : undefined
      case 'MetaProperty':
        return node.meta.name === 'new' ? this.#borrow('new.target', around) : undefined
      case 'PrivateIdentifier':
        return borrowPrivate(`#${node.name}`, around)
      case 'AwaitExpression':
      case 'YieldExpression':
        for (const head of around.heads) head.add(node.type === 'AwaitExpression' ? 'await' : 'yield')
        return node.argument ? this.#visit(node.argument as AnyNode, around) : undefined
      case 'MethodDefinition':
      case 'Property':
        return this.#member(node, around)
      case 'FunctionDeclaration':
      case 'FunctionExpression':
        return this.#function(node, { ...rangeOf(node), form: 'expression', key: undefined, isMember: false }, around)
      case 'ArrowFunctionExpression':
        return this.#arrow(node, around)
      case 'ClassDeclaration':
      case 'ClassExpression':
        return this.#class(node, around)
      case 'PropertyDefinition':
        if (node.computed) this.#visit(node.key as AnyNode, around)
        if (node.value) this.#visit(node.value as AnyNode, initialiserIn(around))
        return
      case 'StaticBlock':
        return forEachChild(node, (child) => this.#visit(child, initialiserIn(around)))
      default:
        return forEachChild(node, (child) => this.#visit(child, around))
    }
  }

  #member(node: MethodDefinition | Property | AssignmentProperty, around: Around): void {
    const isMember = node.type === 'MethodDefinition'
    if (node.computed) this.#visit(node.key as AnyNode, around)
    if (!isMember && !node.method && node.kind === 'init') return this.#visit(node.value as AnyNode, around)
    const key = node.computed ? fixedKeyOf(node.key as AnyNode) : keyOf(node.key as AnyNode)
    const start = isMember && node.static ? behindStatic(this.#code, node.start) : node.start
    this.#function(node.value as FunctionNode, { start, end: node.end, form: 'method', key, isMember }, around)
  }

  #function(node: FunctionNode, shown: Omit<Place, 'borrowed' | 'isStrict'>, around: Around): void {
    const isStrict = around.isStrict || hasDirective(node)
    const borrowed = new Set<string>()
    this.#places.set(node, { ...shown, isStrict, borrowed })
    const within: Around = {
      ...around,
      arrows: [],
      heads: [],
      functions: [...around.functions, borrowed],
      hasOwnThis: true,
      isStrict,
      method: shown.form === 'method' ? borrowed : undefined,
    }
    forEachChild(node as AnyNode, (child) => this.#visit(child, within))
  }

  #arrow(node: ArrowFunctionExpression, around: Around): void {
    const borrowed = new Set<string>()
    const isStrict = around.isStrict || hasDirective(node)
    const { start, end } = node
    this.#places.set(node, { start, end, form: 'expression', key: undefined, isMember: false, isStrict, borrowed })
    const within: Around = {
      ...around,
      arrows: [...around.arrows, borrowed],
      heads: [],
      functions: [...around.functions, borrowed],
      isStrict,
    }
    forEachChild(node as AnyNode, (child) => this.#visit(child, within))
  }

  #class(node: Class, around: Around): void {
    const { start, end } = node
    const borrowed = new Set<string>()
    this.#places.set(node, { start, end, form: 'class', key: undefined, isMember: false, isStrict: true, borrowed })
    // its head and its computed keys are evaluated where it stands
    const within: Around = {
      ...around,
      arrows: [...around.arrows, borrowed],
      heads: [...around.heads, borrowed],
      functions: [...around.functions, borrowed],
      isStrict: true,
    }
    if (node.superClass) this.#visit(node.superClass as AnyNode, within)
    const surrounding: PrivateScope = { names: privateNamesOf(node), around: within }
    const body: Around = { ...within, functions: [], privates: surrounding }
    for (const member of node.body.body) this.#visit(member as AnyNode, body)
  }

  #borrow(what: string, { arrows, hasOwnThis }: Around): void {
    if (hasOwnThis) for (const arrow of arrows) arrow.add(what)
  }

  #borrowSuper({ arrows, method }: Around): void {
    for (const arrow of arrows) arrow.add('super')
    method?.add('super')
  }
}

interface Around {
  /** What the arrows (and heads of classes) borrow that surround this place, up to the function whose `this` they share. */
  readonly arrows: readonly Set<string>[]
  /** The classes of whose head or computed keys this is a part, up to the function around them. */
  readonly heads: readonly Set<string>[]
  /** All functions around this place, up to the class around it. */
  readonly functions: readonly Set<string>[]
  readonly hasOwnThis: boolean
  readonly isStrict: boolean
  readonly method?: Set<string> | undefined
  readonly privates?: PrivateScope
}

interface PrivateScope {
  readonly names: ReadonlySet<string>
  readonly around: Around
}

/** Of a field or a static block: it has a `this` of its own. */
function initialiserIn(around: Around): Around {
  return { ...around, arrows: [], heads: [], hasOwnThis: true, isStrict: true, method: undefined }
}

function borrowPrivate(name: string, from: Around): void {
  for (let around: Around | undefined = from; around !== undefined; around = around.privates?.around) {
    for (const each of around.functions) each.add(name)
    if (around.privates?.names.has(name)) return
  }
}

function privateNamesOf({ body }: Class): ReadonlySet<string> {
  const names = new Set<string>()
  for (const member of body.body) {
    if (member.type !== 'StaticBlock' && member.key.type === 'PrivateIdentifier') names.add(`#${member.key.name}`)
  }
  return names
}

function rangeOf({ start, end }: AnyNode): { start: number; end: number } {
  return { start, end }
}

export function keyOf(key: AnyNode): string | undefined {
  if (key.type === 'Identifier') return key.name
  return key.type === 'Literal' ? String(key.value) : undefined
}

/** Of a key in brackets that is the same wherever it is evaluated. */
function fixedKeyOf(key: AnyNode): string | undefined {
  if (key.type === 'Literal') return String(key.value)
  if (key.type !== 'MemberExpression' || key.computed || key.object.type !== 'Identifier') return undefined
  const { name } = key.property as Identifier
  return key.object.name === 'Symbol' && typeof Reflect.get(Symbol, name) === 'symbol' ? `Symbol.${name}` : undefined
}

/** V8 shows a method without the `static` in front. */
export function behindStatic(code: string, start: number): number {
  const head = /static(?:\s|\/\*[^]*?\*\/|\/\/.*)*/y
  head.lastIndex = start
  return head.test(code) ? head.lastIndex : start
}

function hasDirective({ body }: FunctionNode | ArrowFunctionExpression): boolean {
  if (body.type !== 'BlockStatement') return false
  for (const statement of body.body) {
    if (statement.type !== 'ExpressionStatement' || !('directive' in statement)) return false
    if (statement.directive === 'use strict') return true
  }
  return false
}
