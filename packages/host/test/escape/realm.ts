import { controlCell } from './control.ts'
import { type CellAttack, onlyHygiene, stoppedFrom } from './attack.ts'

const bodyOfHandles = `return process._getActiveHandles().some((handle) => typeof handle.connect === 'function')`

/** Each is one way to a module of Node; `found` is that module. */
const way = (id: string, title: string, found: string): CellAttack => ({
  id: `realm/${id}`,
  title,
  expected: onlyHygiene,
  control: 'process',
  cell: () => `const found = await (${found})
return typeof (found.default ?? found).readFileSync === 'function'`,
})

export const realmAttacks: readonly CellAttack[] = [
  way('require', 'gets a module by require()', `require('node:fs')`),
  way('get-builtin-module', 'gets a module by process.getBuiltinModule()', `process.getBuiltinModule('node:fs')`),
  way('import', 'gets a module by import()', `import('node:fs')`),
  way('eval-import', 'gets a module by import() in eval()', `(0, eval)('import("node:fs")')`),
  way('function-import', 'gets a module by import() in new Function()', `new Function('return import("node:fs")')()`),
  way(
    'async-function-import',
    'gets a module by import() in the constructor of async functions',
    `(async () => {}).constructor('return import("node:fs")')()`,
  ),
  way(
    'generator-import',
    'gets a module by import() in the constructor of generators',
    `(function* () {}).constructor('yield import("node:fs")')().next().value`,
  ),
  way(
    'data-module',
    'gets a module by a data: URL that imports it',
    `import('data:text/javascript,export { default } from "node:fs"')`,
  ),
  way(
    'thrown-constructor',
    'gets a module through the constructor of the error that import() rejects with',
    `import('nowhere:').catch((error) => error.constructor.constructor('return process')().getBuiltinModule('node:fs'))`,
  ),
  way(
    'global-constructor',
    'gets a module through the constructor of a host object',
    `process.stdin.constructor.constructor('return process')().getBuiltinModule('node:fs')`,
  ),
  way(
    'poisoned-prototype',
    'gets a require function by a setter on Object.prototype, and Node’s loader by that',
    `(() => {
  try { return leakedRequire()('node:fs') } catch {}
  const { constructor: Module } = Object.values(leakedRequire().cache)[0]
  const hooks = Module.registerHooks({ resolve: (url) => ({ url, format: 'builtin', shortCircuit: true }) })
  try { return leakedRequire()('node:fs') } finally { hooks.deregister() }
})()`,
  ),
  {
    id: 'realm/binding',
    title: 'gets an internal binding by process.binding()',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `return typeof process.binding('fs').open === 'function'`,
  },
  {
    id: 'realm/new-context',
    title: 'gets a realm of its own by node:vm',
    expected: onlyHygiene,
    control: 'process',
    cell: () => `return (await mod('vm')).runInNewContext('Array') !== Array`,
  },
  {
    id: 'realm/engine-frames',
    title: 'finds functions of the engine on its stack by Error.prepareStackTrace',
    expected: stoppedFrom('none'),
    control: async () => {
      // oxlint-disable-next-line typescript/unbound-method -- put back as it was
      const { prepareStackTrace } = Error
      try {
        Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunction())
        // sloppy code of the same realm is what a call site tells of
        // oxlint-disable-next-line typescript/no-implied-eval -- modules are strict
        const found = new Function('return new Error().stack')() as unknown as unknown[]
        return typeof found[0] === 'function'
      } finally {
        Error.prepareStackTrace = prepareStackTrace
      }
    },
    cell: () => `Error.prepareStackTrace = (_, sites) => sites
try {
  const sites = await new Promise((resolve) => resolve(new Error().stack))
  return sites.some((site) => /main.cjs|^node:/.test(site.getFileName() ?? '') && site.getFunction() !== undefined)
} finally { delete Error.prepareStackTrace }`,
  },
  {
    id: 'realm/handles',
    title: 'gets a socket or another handle of the worker by process._getActiveHandles(), without modules',
    expected: stoppedFrom('none'),
    // the async executor reads the host's messages with a socket of its own
    control: () => controlCell(bodyOfHandles, { executor: 'async' }),
    alone: true,
    note: "With `executor: 'async'` it gets the socket that the host’s messages come through, which leads nowhere else.",
    cell: () => bodyOfHandles,
  },
]
