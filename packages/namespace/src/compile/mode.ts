import type { CellMode } from '@capsule/protocol'
import type { AnyNode, ImportDeclaration } from 'acorn'
import type { Analysis, Call, Loop } from './analysis.ts'
import type { Scope } from './scope.ts'

/**
 * How a cell will run, as far as its text tells. The first that holds:
 *
 * 1. `blocking`: it calls, anywhere in its text, `prompt`, `alert`, `confirm`, `Atomics.wait`, or a function whose name ends in
 *    `Sync`; or it has a loop that awaits nothing and whose test is always true or asks for the time.
 * 2. `top-level-await`: outside of functions it awaits (`await`, `for await`, `await using`) or imports statically.
 * 3. `unknown`: `eval`, `Function`, `with`, a function of `vm`, or a call through a computed name (`object[name]()`).
 * 4. `async`: it calls an async function of its own, `.then`, `.catch`, `.finally`, a timer, `fetch`, `Promise` and its methods,
 *    `import()`, or a function of a module that works in the background (`fs`, `http`, `child_process`, ...).
 * 5. `simple`: none of these.
 *
 * Names are followed through the cell's own declarations: imports, `require` and what they were renamed to count; a local
 * function named `prompt` does not. A name that the cell does not declare is the global, or the module, of that name.
 */
export function modeOf(analysis: Analysis): CellMode {
  const found = new Set<CellMode>(analysis.calls.map((call) => modeOfCall(call, analysis)))
  if (found.has('blocking') || analysis.loops.some((loop) => mayNotEnd(loop, analysis))) return 'blocking'
  if (analysis.awaitsAtTop) return 'top-level-await'
  if (found.has('unknown') || analysis.hasWith) return 'unknown'
  return found.has('async') ? 'async' : 'simple'
}

const blockingGlobals = new Set(['prompt', 'alert', 'confirm', 'Atomics.wait'])
const opaqueGlobals = new Set(['eval', 'Function'])
const asyncGlobals = new Set(
  'setTimeout setInterval setImmediate queueMicrotask fetch process.nextTick Worker WebSocket EventSource'.split(' '),
)
const asyncModules = new Set(
  `fs fs/promises child_process cluster dgram dns dns/promises http http2 https net readline readline/promises
  stream/promises timers timers/promises tls worker_threads`.split(/\s+/),
)
const globalObjects = new Set(['globalThis', 'global', 'self'])

/** Where a callee's value comes from: `['fs', 'readFileSync']` of a module, `['setTimeout']` of the global object. */
interface Origin {
  readonly from: 'module' | 'global' | 'local' | 'unclear'
  readonly path: readonly string[]
  readonly isAsync?: boolean
}

const unclear: Origin = { from: 'unclear', path: [] }

function modeOfCall({ node, scope }: Call, analysis: Analysis): CellMode {
  if (node.type === 'ImportExpression') return 'async'
  const callee = node.callee as AnyNode
  if (callee.type === 'MemberExpression' && callee.computed && keyOf(callee) === undefined) return 'unknown'
  const { from, path, isAsync } = withoutCall(originOf(callee, scope, analysis))
  if (isAsync) return 'async'
  const last = path.at(-1)
  if (from === 'local' || last === undefined) return 'simple'
  const name = path.join('.')
  if (from === 'global' && blockingGlobals.has(name)) return 'blocking'
  if (last.endsWith('Sync') && last !== 'Sync') return 'blocking'
  if (from === 'global' && opaqueGlobals.has(name)) return 'unknown'
  if (path[0] === 'vm' && (from === 'module' || path.length > 1)) return 'unknown'
  if (path.length > 1 && (last === 'then' || last === 'catch' || last === 'finally')) return 'async'
  if (from === 'global' && (asyncGlobals.has(name) || path[0] === 'Promise')) return 'async'
  return path.length > 1 && from !== 'unclear' && asyncModules.has(path[0] ?? '') ? 'async' : 'simple'
}

/** `f.call(...)`, `f.apply(...)` call f; `f.bind(...)` is taken for its call. */
function withoutCall(origin: Origin): Origin {
  const last = origin.path.at(-1)
  if (last !== 'call' && last !== 'apply' && last !== 'bind') return origin
  return { ...origin, path: origin.path.slice(0, -1) }
}

function originOf(node: AnyNode, scope: Scope, analysis: Analysis, depth = 0): Origin {
  if (depth > 20) return unclear
  switch (node.type) {
    case 'Identifier':
      return originOfName(node.name, scope, analysis, depth)
    case 'MemberExpression': {
      const key = keyOf(node)
      if (key === undefined) return unclear
      const { from, path, isAsync } = originOf(node.object as AnyNode, scope, analysis, depth + 1)
      if (from === 'local') return { from: isPromiseMethod(key) && isAsync ? 'unclear' : 'local', path: [...path, key] }
      return normalise(from, [...path, key])
    }
    case 'ChainExpression':
      return originOf(node.expression, scope, analysis, depth + 1)
    case 'SequenceExpression':
      return originOf(node.expressions.at(-1) as AnyNode, scope, analysis, depth + 1)
    case 'AwaitExpression':
      return originOf(node.argument, scope, analysis, depth + 1)
    case 'ImportExpression':
      return moduleOf(node.source)
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return { from: 'local', path: [], isAsync: node.async }
    case 'ObjectExpression':
    case 'ClassExpression':
      return { from: 'local', path: [] }
    case 'ImportDeclaration':
      return moduleOf(node.source)
    case 'CallExpression': {
      const { from, path } = originOf(node.callee as AnyNode, scope, analysis, depth + 1)
      const name = path.join('.')
      const isLoad = from === 'global' && (name === 'require' || name === 'process.getBuiltinModule')
      if (isLoad) return moduleOf(node.arguments[0] as AnyNode | undefined)
      if (path.at(-1) === 'bind') return originOf(node.callee as AnyNode, scope, analysis, depth + 1)
      return { from: 'unclear', path: ['()'] }
    }
    default:
      return { from: 'unclear', path: ['()'] }
  }
}

function originOfName(name: string, scope: Scope, analysis: Analysis, depth: number): Origin {
  const binding = scope.resolve(name).bindings.get(name)
  if (!binding) return normalise('global', [name])
  const alias = analysis.aliases.get(binding)
  if (!alias) return { from: 'local', path: [], isAsync: binding.isAsync === true }
  if (alias.init.type === 'ImportDeclaration') return importedName(alias.init, name)
  const origin = originOf(alias.init, alias.scope, analysis, depth + 1)
  if (origin.from === 'local' || alias.path.length === 0) return origin
  return normalise(origin.from, [...origin.path, ...alias.path])
}

function importedName(node: ImportDeclaration, local: string): Origin {
  const origin = moduleOf(node.source)
  const specifier = node.specifiers.find((each) => each.local.name === local)
  if (specifier?.type !== 'ImportSpecifier') return origin
  const { imported } = specifier
  const key = imported.type === 'Identifier' ? imported.name : String(imported.value)
  return normalise(origin.from, [...origin.path, key])
}

/** `globalThis.x` is x, `module.default` is the module, `fs.promises` is a module too. */
function normalise(from: Origin['from'], path: readonly string[]): Origin {
  if (from === 'global' && path.length > 1 && globalObjects.has(path[0] ?? '')) return { from, path: path.slice(1) }
  if (from === 'module' && path[1] === 'default') return { from, path: [path[0] ?? '', ...path.slice(2)] }
  return { from, path }
}

function moduleOf(source: AnyNode | undefined): Origin {
  if (source?.type !== 'Literal' || typeof source.value !== 'string') return unclear
  return { from: 'module', path: [source.value.replace(/^node:/, '')] }
}

function isPromiseMethod(key: string): boolean {
  return key === 'then' || key === 'catch' || key === 'finally'
}

/** The property's name when the text says it. */
function keyOf({ computed, property }: AnyNode & { type: 'MemberExpression' }): string | undefined {
  if (!computed)
    return property.type === 'Identifier' ? property.name : `#${String((property as { name?: string }).name)}`
  if (property.type === 'Literal') return String(property.value)
  const isPlain = property.type === 'TemplateLiteral' && property.expressions.length === 0
  return isPlain ? (property.quasis[0]?.value.cooked ?? undefined) : undefined
}

/** Its test is constant or absent, or it waits for the clock; and nothing in it lets others run. */
function mayNotEnd({ node, suspends, scope }: Loop, analysis: Analysis): boolean {
  if (suspends || !('test' in node)) return false
  const test = node.test as AnyNode | null
  if (!test) return true
  if (test.type === 'Literal') return Boolean(test.value)
  if (test.type === 'UnaryExpression' && test.operator === '!') {
    return test.argument.type === 'Literal' && !test.argument.value
  }
  return analysis.calls.some(({ node: call }) => {
    if (call.start < test.start || call.end > test.end || call.type === 'ImportExpression') return false
    const { from, path } = originOf(call.callee as AnyNode, scope, analysis)
    return from === 'global' && (path.join('.') === 'Date.now' || path.join('.') === 'performance.now')
  })
}
