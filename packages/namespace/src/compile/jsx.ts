import jsx from 'acorn-jsx'
import { type Node, Parser } from 'acorn'
import { generate } from 'astring'
import { Edits, type EditedText } from './edits.ts'
import { cellPlugin, cellSyntax } from './parse.ts'

interface JsxNode extends Node {
  readonly [key: string]: unknown
}

interface Element extends JsxNode {
  readonly openingElement: Tag
  readonly closingElement: Node | null
  readonly children: readonly JsxNode[]
}

interface Fragment extends JsxNode {
  readonly openingFragment: Node
  readonly closingFragment: Node
  readonly children: readonly JsxNode[]
}

interface Tag extends Node {
  readonly name: JsxNode
  readonly attributes: readonly JsxNode[]
  readonly selfClosing: boolean
}

/**
 * Turns JSX into calls of `React.createElement` (the comments `@jsx` and `@jsxFrag` name others), line for line: only the
 * tags change, what stands in braces stays where it is. What has no text of its own is printed from a tree.
 *
 * @throws acorn's SyntaxError, with `pos` and `loc`
 */
export function rewriteJsx(source: string): EditedText {
  const program = Parser.extend(jsx(), cellPlugin).parse(source, cellSyntax)
  const edits = new Edits(source)
  const element = /@jsx\s+([\w.$]+)/.exec(source)?.[1] ?? 'React.createElement'
  const fragment = /@jsxFrag\s+([\w.$]+)/.exec(source)?.[1] ?? 'React.Fragment'
  visit(program, (node) => {
    if (node.type === 'JSXElement') rewriteElement(node as Element, edits, element)
    if (node.type === 'JSXFragment') rewriteFragment(node as Fragment, edits, `${element}(${fragment},null`)
  })
  return edits.apply()
}

function rewriteElement({ openingElement, closingElement, children }: Element, edits: Edits, callee: string): void {
  const { start, end, name, attributes, selfClosing } = openingElement
  edits.replace(start, name.end, `${callee}(${generate(typeOf(name))}`)
  attributes.forEach((attribute, index) => {
    edits.wrap(attribute.start, attribute.end, index === 0 ? ',{' : '', index === attributes.length - 1 ? '}' : ',')
    rewriteAttribute(attribute, edits)
  })
  const tail = attributes.length > 0 ? '' : ',null'
  edits.replace(end - (selfClosing ? 2 : 1), end, tail + (selfClosing ? ')' : ''))
  for (const child of children) rewriteChild(child, edits)
  if (closingElement) edits.replace(closingElement.start, closingElement.end, ')')
}

function rewriteFragment({ openingFragment, closingFragment, children }: Fragment, edits: Edits, head: string): void {
  edits.replace(openingFragment.start, openingFragment.end, head)
  for (const child of children) rewriteChild(child, edits)
  edits.replace(closingFragment.start, closingFragment.end, ')')
}

function rewriteAttribute(node: JsxNode, edits: Edits): void {
  if (node.type === 'JSXSpreadAttribute') {
    edits.blank(node.start, node.start + 1)
    edits.blank(node.end - 1, node.end)
    return
  }
  const name = node['name'] as JsxNode
  const value = node['value'] as JsxNode | null
  const key = literal(edits.source.slice(name.start, name.end))
  if (!value) edits.replace(name.start, name.end, `${key}:true`)
  else if (value.type === 'Literal') edits.replace(name.start, value.end, `${key}:${literal(String(value['value']))}`)
  else {
    edits.replace(name.start, value.start, `${key}:`)
    if (value.type === 'JSXExpressionContainer') parenthesise(value, edits, '(')
  }
}

function rewriteChild(node: JsxNode, edits: Edits): void {
  if (node.type === 'JSXText') {
    const text = trimText(String(node['value']))
    edits.replace(node.start, node.end, text === '' ? '' : `,${literal(text)}`)
  } else if (node.type === 'JSXExpressionContainer') {
    const isEmpty = (node['expression'] as Node).type === 'JSXEmptyExpression'
    if (isEmpty) edits.replace(node.start, node.end, '')
    else parenthesise(node, edits, ',(')
  } else edits.insert(node.start, ',')
}

function parenthesise({ start, end }: Node, edits: Edits, opening: string): void {
  edits.replace(start, start + 1, opening)
  edits.replace(end - 1, end, ')')
}

/** A tag's name as an expression: `div` is a text, `Button` and `ui.button` are values. */
function typeOf(name: JsxNode): Node {
  if (name.type === 'JSXMemberExpression') {
    const object = typeOf({ ...(name['object'] as JsxNode), isObject: true })
    const property = { type: 'Identifier', name: (name['property'] as JsxNode)['name'] }
    return { type: 'MemberExpression', object, property, computed: false } as unknown as Node
  }
  if (name.type === 'JSXNamespacedName') {
    const [space, local] = [name['namespace'], name['name']] as [JsxNode, JsxNode]
    return { type: 'Literal', value: `${String(space['name'])}:${String(local['name'])}` } as unknown as Node
  }
  const text = String(name['name'])
  const isValue = name['isObject'] === true || !/^[a-z]/.test(text)
  return (isValue ? { type: 'Identifier', name: text } : { type: 'Literal', value: text }) as unknown as Node
}

function literal(value: string): string {
  return generate({ type: 'Literal', value } as unknown as Node)
}

/** Line breaks, and the spaces around them, only lay out the source. */
function trimText(text: string): string {
  const lines = text.split(/\r\n|\n|\r/)
  return lines
    .map((line, index) => {
      const head = index === 0 ? line : line.replace(/^[ \t]+/, '')
      return index === lines.length - 1 ? head : head.replace(/[ \t]+$/, '')
    })
    .filter((line) => line !== '')
    .join(' ')
}

function visit(node: Node, visitor: (node: JsxNode) => void): void {
  visitor(node as JsxNode)
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) if (isNode(item)) visit(item, visitor)
    } else if (isNode(value)) visit(value, visitor)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
