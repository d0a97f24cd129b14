import Module, { registerHooks } from 'node:module'
import { amaroLoaderUrl } from './compile/typescript.ts'
import { namespaceErrors } from './errors.ts'
import { defineProperty, deleteProperty, getOwnPropertyDescriptor, SafeSet } from './primordials.ts'

/** What leads to modules past the loader. */
const leads: readonly (readonly [object, string])[] = [
  ...['getBuiltinModule', 'binding', '_linkedBinding', 'mainModule', 'dlopen', 'execve'].map(
    (name) => [process, name] as const,
  ),
  // hooks of whoever gets hold of the loader's class would come before those below
  [Module, 'registerHooks'],
  [Module, 'register'],
]

/**
 * From now on code of this thread finds no modules, neither Node's nor npm's; returns the way back. It keeps cells to what
 * they were given; it is no boundary, as nothing within a process is.
 */
export function withholdModules(): () => void {
  // what loads amaro when it is first needed, and what that loads
  const trusted = new SafeSet<string | undefined>().add(amaroLoaderUrl)
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!trusted.has(context.parentURL)) throw namespaceErrors.MODULES_UNAVAILABLE({ specifier })
      const resolved = next(specifier, context)
      trusted.add(resolved.url)
      return resolved
    },
  })
  const taken = leads.map(([owner, name]) => ({ owner, name, descriptor: getOwnPropertyDescriptor(owner, name) }))
  for (const { owner, name } of taken) deleteProperty(owner, name)
  return () => {
    hooks.deregister()
    for (const { owner, name, descriptor } of taken) {
      if (descriptor !== undefined) defineProperty(owner, name, descriptor)
    }
  }
}
