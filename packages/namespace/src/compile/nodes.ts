import type { AnyNode, NewExpression } from 'acorn'

/** Calls `visit` with the nodes right below this one, in the order of their properties. */
export function forEachChild(node: AnyNode, visit: (child: AnyNode) => void): void {
  for (const key in node) {
    const value: unknown = (node as unknown as Record<string, unknown>)[key]
    if (typeof value !== 'object' || value === null) continue
    if (!Array.isArray(value)) {
      if ('type' in value) visit(value as AnyNode)
      continue
    }
    for (const item of value as readonly (AnyNode | null)[]) if (item !== null) visit(item)
  }
}

/** What a chain of binary operators is made of, last to first: a sum of thousands of terms is as deep as it is long. */
export function* operandsOf(node: AnyNode): Generator<AnyNode, void> {
  let left = node
  for (; left.type === 'BinaryExpression' || left.type === 'LogicalExpression'; left = left.left as AnyNode) {
    yield left.right
  }
  yield left
}

/** `a.b.c`, `a.b` and `a` of `new a.b.c()`. */
export function* calleeParts({ callee }: NewExpression): Generator<AnyNode, void> {
  let part: AnyNode = callee
  for (; part.type === 'MemberExpression'; part = part.object as AnyNode) yield part
  yield part
}

/** The text of a function, arrow or class initialiser. */
export function sourceOf(init: AnyNode | null | undefined, source: string): string | undefined {
  switch (init?.type) {
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassExpression':
      return source.slice(init.start, init.end)
    default:
      return undefined
  }
}
