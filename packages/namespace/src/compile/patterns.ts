import type { AnyNode, Identifier, Pattern } from 'acorn'

export interface PatternName {
  readonly node: Identifier
  /** `{ x }`: the name is also the key. */
  readonly isShorthand: boolean
  /** Where its own default ends, or the name itself. */
  readonly end: number
  /** The keys that lead to it; undefined when the text does not say them all. */
  readonly path: readonly string[] | undefined
}

export interface PatternVisitor {
  readonly name: (name: PatternName) => void
  /** What the pattern computes: keys, defaults, the objects of members. */
  readonly code: (node: AnyNode) => void
}

type Place = Omit<PatternName, 'node' | 'end'> & { readonly end?: number }

/** Goes through what a declaration or an assignment sets. */
export function walkPattern(
  pattern: Pattern,
  visitor: PatternVisitor,
  place: Place = { isShorthand: false, path: [] },
): void {
  switch (pattern.type) {
    case 'Identifier':
      return visitor.name({ end: pattern.end, ...place, node: pattern })
    case 'AssignmentPattern':
      walkPattern(pattern.left, visitor, { ...place, end: pattern.end })
      return visitor.code(pattern.right)
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') walkPattern(property, visitor, unnamed)
        else {
          const { key, computed, value, shorthand } = property
          if (computed) visitor.code(key)
          const path = place.path && !computed && key.type === 'Identifier' ? [...place.path, key.name] : undefined
          walkPattern(value, visitor, { isShorthand: shorthand, path })
        }
      }
      return
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element) walkPattern(element, visitor, unnamed)
      return
    case 'RestElement':
      return walkPattern(pattern.argument, visitor, unnamed)
    default:
      return visitor.code(pattern)
  }
}

const unnamed: Place = { isShorthand: false, path: undefined }
