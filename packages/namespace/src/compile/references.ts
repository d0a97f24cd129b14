import type { Analysis } from './analysis.ts'
import type { Edits } from './edits.ts'
import { runtimeName } from './names.ts'
import type { Binding, Reference } from './scope.ts'

/** Not allowed inside of a class, where the stand-ins below read the name. */
const strictReserved = new Set([
  'let',
  'static',
  'yield',
  'implements',
  'interface',
  'package',
  'private',
  'protected',
  'public',
])

/**
 * Makes what would go wrong in V8 go wrong as it does there: assignments to constants, and what comes before its
 * declaration. The reference becomes a property whose accessors throw, so that every form of assignment (`=`, `+=`, `++`,
 * patterns, loop heads) reads, computes and then fails in the right order. Other references stay as they are.
 */
export function rewriteReferences(analysis: Analysis, edits: Edits, isConst: (name: string) => boolean): void {
  const { top } = analysis
  for (const reference of analysis.references) {
    const { node, scope, isWrite, isShorthand } = reference
    const { name } = node
    if (scope.resolve(name) !== top || strictReserved.has(name)) continue
    const binding = top.bindings.get(name)
    const standIn =
      binding && isEarly(reference, binding)
        ? early(name)
        : isWrite && (binding ? isConstant(binding) : isConst(name))
          ? constant(name)
          : undefined
    // `new` in front: unlike `(` it never continues the line above.
    if (standIn) edits.replace(node.start, node.end, `${isShorthand ? `${node.name}:` : ''}new class{${standIn}}().x`)
  }
}

function isEarly({ node, depth }: Reference, { readyAt, initialiser }: Binding): boolean {
  if (depth > 0 || readyAt === 0) return false
  return (
    node.start < readyAt || (initialiser !== undefined && node.start >= initialiser[0] && node.start < initialiser[1])
  )
}

function isConstant({ kind }: Binding): boolean {
  return kind === 'const' || kind === 'import'
}

function early(name: string): string {
  // V8 throws its own error here
  return `get x(){${name};let ${name}}set x(_){${name};let ${name}}`
}

function constant(name: string): string {
  return `get x(){return ${name}}set x(_){${runtimeName}.assignToConst(${JSON.stringify(name)})}`
}

/**
 * Every `await` and `for await` becomes one that a cancel can interrupt; `import.meta` becomes a call; `import('name')` tells
 * which module it loads.
 */
export function rewriteWaits(analysis: Analysis, edits: Edits, filename: string): void {
  for (const { start, end } of analysis.awaits) {
    edits.wrap(start + 'await'.length, end, ` ${runtimeName}.wait(`, ')')
    if (analysis.statementEnds.has(end)) edits.terminate(end)
  }
  for (const node of analysis.forAwaits) {
    const { source } = edits
    const [start, end] = iterated(source, node.left.end, node.right.end, node.body.start)
    edits.wrap(start, end, ` ${runtimeName}.waitEach(`, ')')
  }
  for (const { node } of analysis.calls) {
    if (node.type !== 'ImportExpression' || node.source.type !== 'Literal' || node.options) continue
    const { value } = node.source
    if (typeof value === 'string')
      edits.wrap(node.start, node.end, `${runtimeName}.loading(${JSON.stringify(value)},`, ')')
  }
  for (const { node, isCallee } of analysis.metas) {
    const call = `${runtimeName}.importMeta(${JSON.stringify(filename)})`
    edits.replace(node.start, node.end, isCallee ? `(${call})` : call)
  }
}

/** From behind `of` to the parenthesis that closes the head. */
function iterated(source: string, leftEnd: number, rightEnd: number, bodyStart: number): [start: number, end: number] {
  const start = nextToken(source, leftEnd, 'o') + 'of'.length
  let end = rightEnd
  for (let at = rightEnd; ; at++) {
    at = nextToken(source, at, ')')
    if (at < 0 || at >= bodyStart) return [start, end]
    end = at
  }
}

/** Where the character comes next outside of comments, or -1. */
function nextToken(source: string, from: number, character: string): number {
  for (let at = from; at < source.length; at++) {
    if (source.startsWith('//', at)) at += /$/m.exec(source.slice(at))?.index ?? 0
    else if (source.startsWith('/*', at)) at = source.indexOf('*/', at) + 1
    else if (source[at] === character) return at
  }
  return -1
}
