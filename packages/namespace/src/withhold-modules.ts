import { registerHooks } from 'node:module'
import { amaroLoaderUrl } from './compile/typescript.ts'
import { namespaceErrors } from './errors.ts'
import { defineProperty, deleteProperty, getOwnPropertyDescriptor, SafeSet } from './primordials.ts'

/** What leads to modules past the loader. */
const leads = ['getBuiltinModule', 'binding', '_linkedBinding', 'mainModule', 'dlopen', 'execve']

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
  const taken = leads.map((name) => [name, getOwnPropertyDescriptor(process, name)] as const)
  for (const [name] of taken) deleteProperty(process, name)
  return () => {
    hooks.deregister()
    for (const [name, descriptor] of taken) if (descriptor !== undefined) defineProperty(process, name, descriptor)
  }
}
