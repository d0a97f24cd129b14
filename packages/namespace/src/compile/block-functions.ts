import type { BlockFunction } from './analysis.ts'
import { ready } from './findings.ts'
import { isLexical } from './scope.ts'

/**
 * Makes sloppy code see a function of a block outside of it (ECMAScript B.3.2), unless a name in between or a parameter
 * is in the way; says whether it does. To be asked when all declarations are known.
 */
export function hoist(candidate: BlockFunction, text: string): boolean {
  const { name } = candidate.node.id
  const target = candidate.scope.functionScope
  for (let scope = candidate.scope.parent; scope && scope !== target; scope = scope.parent) {
    const between = scope.bindings.get(name)
    if (between && isLexical(between)) return false
  }
  const known = target.bindings.get(name)
  if (known && (isLexical(known) || known.kind === 'parameter')) return false
  const source = text.slice(candidate.node.start, candidate.node.end)
  if (!known) target.declare(name, { kind: 'function', readyAt: ready, source })
  return true
}
