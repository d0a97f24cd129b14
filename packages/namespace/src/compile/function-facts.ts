import type { AnyNode, Class, FunctionDeclaration, Pattern } from 'acorn'
import { analyse } from './analyse.ts'
import type { Analysis, FoundFunction } from './analysis.ts'
import { type AnyFunction, behindStatic, type FunctionForm, keyOf, PlaceWalk } from './function-places.ts'
import { parseCell } from './parse.ts'
import type { Reference, Scope } from './scope.ts'

/** What the text of a cell says of one function or class in it. */
export interface FunctionFacts {
  /** As `Function.prototype.toString` gives it. */
  readonly text: string
  readonly form: FunctionForm
  readonly isStrict: boolean
  /** Local variables of surrounding functions and blocks that it uses, `this`, `super` and the like included. */
  readonly captures: readonly string[]
  /** Names of the namespace, or global ones, that it uses. */
  readonly globals: readonly string[]
  /**
   * The text without its name, of a declaration that refers to itself by the global name it declares: as a named expression
   * it would refer to itself whatever that global holds.
   */
  readonly anonymousText: string | undefined
  /** Of a method: its key, unless it is computed or `#private`. */
  readonly key: string | undefined
  /** A method of a class. */
  readonly isMember: boolean
  /** As `length` tells it. */
  readonly parameters: number
  readonly body: ClassFacts | undefined
}

export interface ClassFacts {
  readonly members: readonly { readonly isStatic: boolean; readonly key: string | undefined; readonly text: string }[]
  readonly hasPrivateInstanceState: boolean
  readonly hasPrivateStaticState: boolean
  /** Evaluating it runs more than its definition: static fields and blocks, computed keys, a parent that is no name. */
  readonly runsCode: boolean
}

/** The functions and classes in the text of a compiled cell; empty when only V8 can read it. */
export function functionFactsOf(code: string): readonly FunctionFacts[] {
  let analysis: Analysis
  try {
    analysis = analyse(parseCell(code).program, code)
  } catch {
    return []
  }
  if (analysis.functions.length === 0) return []
  const places = new PlaceWalk(code, analysis.isStrict).run(analysis.program as AnyNode)
  const uses = usesOf(analysis)
  return analysis.functions.flatMap((found) => {
    const place = places.get(found.node)
    const use = uses.get(found.node)
    if (place === undefined || use === undefined) return []
    const { start, end, borrowed, ...shown } = place
    const captures = [...borrowed, ...use.captures]
    // what it evaluates or looks up by name may be anything around it
    if (use.isOpaque || analysis.hasWith) captures.push('eval')
    const text = code.slice(start, end)
    const body = isClass(found.node) ? classFactsOf(found.node, code) : undefined
    const anonymousText = anonymousTextOf(found.node, use, code)
    const parameters = parametersOf(found.node)
    const { globals } = use
    return [{ ...shown, text, captures, globals, anonymousText, parameters, body }]
  })
}

interface Use {
  readonly captures: string[]
  readonly globals: string[]
  /** It has a direct `eval`, which may use any name. */
  evaluates: boolean
  /** ... of what surrounds it, too. */
  isOpaque: boolean
}

/** For each function the names that it takes from outside. */
function usesOf(analysis: Analysis): ReadonlyMap<AnyFunction, Use> {
  const { functions, references, top } = analysis
  const uses = new Map<AnyFunction, Use>(functions.map(({ node }) => [node, emptyUse()]))
  const around = enclosing(functions)
  const ordered = [...references].sort((a, b) => a.node.start - b.node.start)
  const written = new Map<Scope, Set<string>>()
  for (const { node, scope, isWrite } of references) {
    if (!isWrite) continue
    const owner = scope.resolve(node.name)
    const names = written.get(owner)
    if (names === undefined) written.set(owner, new Set([node.name]))
    else names.add(node.name)
  }
  for (const reference of ordered) {
    const owner = reference.scope.resolve(reference.node.name)
    const isGlobal = owner === top
    for (const { node, outer } of around(reference.node.start)) {
      const use = uses.get(node) as Use
      if (isGlobal) add(use.globals, reference.node.name)
      else if (
        isWithin(outer, owner) &&
        !(isOwnName(node, reference, owner) && !written.get(owner)?.has(node.id.name))
      ) {
        add(use.captures, reference.node.name)
      }
    }
  }
  noteEvals(uses, analysis)
  return uses
}

/** A direct `eval` may use any name around it, and may declare names for the functions around it. */
function noteEvals(uses: ReadonlyMap<AnyFunction, Use>, { functions, calls }: Analysis): void {
  const evals = calls.filter(({ node }) => isDirectEval(node)).sort((a, b) => a.node.start - b.node.start)
  if (evals.length === 0) return
  const declaring = new Set<AnyFunction>()
  const aroundEval = enclosing(functions)
  for (const { node: call } of evals) {
    const found = aroundEval(call.start)
    for (const { node } of found) (uses.get(node) as Use).evaluates = true
    const innermost = found.at(-1)
    if (innermost !== undefined) declaring.add(innermost.node)
  }
  const around = enclosing(functions)
  for (const { node } of [...functions].sort((a, b) => a.node.start - b.node.start || b.node.end - a.node.end)) {
    const use = uses.get(node) as Use
    const outside = around(node.start).filter((each) => each.node !== node)
    if (outside.some((each) => declaring.has(each.node))) use.isOpaque = true
    // an arrow without any name is what a restored function stands in
    if (use.evaluates) use.isOpaque ||= outside.some((each) => !isBare(each.node)) || hasNames(node, functions)
  }
}

/** The functions around a place, outermost first; to be asked with rising places. */
function enclosing(functions: readonly FoundFunction[]): (at: number) => readonly FoundFunction[] {
  const ordered = [...functions].sort((a, b) => a.node.start - b.node.start || b.node.end - a.node.end)
  const open: FoundFunction[] = []
  let next = 0
  return (at) => {
    for (; next < ordered.length && (ordered[next] as FoundFunction).node.start <= at; next++) {
      const each = ordered[next] as FoundFunction
      while (open.length > 0 && (open.at(-1) as FoundFunction).node.end <= each.node.start) open.pop()
      open.push(each)
    }
    while (open.length > 0 && (open.at(-1) as FoundFunction).node.end <= at) open.pop()
    return open
  }
}

function emptyUse(): Use {
  return { captures: [], globals: [], evaluates: false, isOpaque: false }
}

function isDirectEval(node: AnyNode): boolean {
  if (node.type !== 'CallExpression') return false
  const { callee } = node
  return callee.type === 'Identifier' && callee.name === 'eval'
}

/** `() => expression`. */
function isBare(node: AnyFunction): boolean {
  if (isClass(node) || node.type !== 'ArrowFunctionExpression') return false
  return node.params.length === 0 && node.body.type !== 'BlockStatement'
}

/** Whether it stands in a block, loop or function that declares names. */
function hasNames(node: AnyFunction, functions: readonly FoundFunction[]): boolean {
  let scope = functions.find((each) => each.node === node)?.outer
  // the outermost holds the names of the namespace
  for (; scope?.parent !== undefined; scope = scope.parent) if (scope.bindings.size > 0) return true
  return false
}

/** Whether `owner` is the scope or one around it. */
function isWithin(scope: Scope, owner: Scope): boolean {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) if (each === owner) return true
  return false
}

/** A local function that calls itself: as a named expression it does so too, unless the name is assigned to. */
function isOwnName(node: AnyFunction, { node: { name } }: Reference, owner: Scope): node is FunctionDeclaration {
  if (node.type !== 'FunctionDeclaration' || node.id?.name !== name) return false
  return owner.bindings.get(name)?.kind === 'function'
}

function classFactsOf(node: Class, code: string): ClassFacts {
  const members: ClassFacts['members'][number][] = []
  let hasPrivateInstanceState = false
  let hasPrivateStaticState = false
  let runsCode = node.superClass != null && !isName(node.superClass)
  for (const member of node.body.body) {
    if (member.type === 'StaticBlock') runsCode = true
    else {
      const isPrivate = member.key.type === 'PrivateIdentifier'
      if (isPrivate && member.static) hasPrivateStaticState ||= member.type === 'PropertyDefinition'
      else if (isPrivate) hasPrivateInstanceState = true
      if (member.computed || (member.static && member.type === 'PropertyDefinition' && member.value)) runsCode = true
      if (member.type === 'MethodDefinition' && !isPrivate && member.kind !== 'constructor') {
        const start = member.static ? behindStatic(code, member.start) : member.start
        const key = member.computed ? undefined : keyOf(member.key as AnyNode)
        members.push({ isStatic: member.static, key, text: code.slice(start, member.end) })
      }
    }
  }
  return { members, hasPrivateInstanceState, hasPrivateStaticState, runsCode }
}

function isClass(node: AnyFunction): node is Class {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
}

/** What cannot run code when it is evaluated. */
function isName({ type, ...node }: { type: string }): boolean {
  return type === 'Identifier' || (type === 'Literal' && 'value' in node && node.value === null)
}

function anonymousTextOf(node: AnyFunction, { globals, evaluates }: Use, code: string): string | undefined {
  if (node.type !== 'FunctionDeclaration' || node.id == null) return undefined
  const { start, end, id } = node
  if (!evaluates && !globals.includes(id.name)) return undefined
  return `${code.slice(start, id.start)}${code.slice(id.end, end)}`
}

function parametersOf(node: AnyFunction): number {
  if (!isClass(node)) return countedOf(node.params)
  for (const member of node.body.body) {
    if (member.type === 'MethodDefinition' && member.kind === 'constructor') return countedOf(member.value.params)
  }
  return 0
}

function countedOf(parameters: readonly Pattern[]): number {
  const uncounted = parameters.findIndex(({ type }) => type === 'AssignmentPattern' || type === 'RestElement')
  return uncounted === -1 ? parameters.length : uncounted
}

function add(list: string[], name: string): void {
  if (!list.includes(name)) list.push(name)
}
