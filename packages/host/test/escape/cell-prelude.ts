/**
 * In front of each attack: `mod('fs')` gives a module of Node by any way that hostile code would try. Only the first works
 * in a session that has modules.
 */
const prelude = String.raw`
async function mod(name) {
  const ways = [
    () => require('node:' + name),
    () => process.getBuiltinModule('node:' + name),
    () => process.mainModule.require(name),
    () => process.binding('natives') && process.binding(name),
    () => import('node:' + name),
    () => (0, eval)('import("node:' + name + '")'),
    () => new Function('return import("node:' + name + '")')(),
    async () => {
      try { await import('nowhere:') } catch (error) {
        return error.constructor.constructor('return process')().mainModule.require(name)
      }
    },
    () => leakedRequire()('node:' + name),
    () => {
      const { constructor: Module } = Object.values(leakedRequire().cache)[0]
      const hooks = Module.registerHooks({ resolve: (url) => ({ url, format: 'builtin', shortCircuit: true }) })
      try { return leakedRequire()('node:' + name) } finally { hooks.deregister() }
    },
  ]
  for (const way of ways) {
    try {
      const found = await way()
      if (found) return found.default ?? found
    } catch {}
  }
  throw new Error('no module ' + name)
}
// Node assigns the members of each new require function, which a setter can see
function leakedRequire() {
  let leaked
  const set = function () { leaked ??= this }
  Object.defineProperty(Object.prototype, 'extensions', { configurable: true, set })
  try { import.meta.resolve('node:fs') } catch {} finally { delete Object.prototype.extensions }
  return leaked
}
// settles where nothing else would
const within = (promise, ms) => Promise.race([promise, new Promise((_, reject) => setTimeout(reject, ms, new Error('too late')))]);
`

/** A cell whose value is what the attack returns. */
export const cellOf = (body: string): string => `await (async () => {${prelude}
${body}
})()`
