import { types } from 'node:util'
import { apply } from '../primordials.ts'

const { isProxy } = types
// what Deno's notebooks look for
const hookName = Symbol.for('Jupyter.display')

type Hook = (this: unknown) => unknown

/** The method by which a value says how it is shown; the traps of proxies do not run. */
export function displayHookOf(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || isProxy(value)) return undefined
  const hook = (value as Record<symbol, unknown>)[hookName]
  return typeof hook === 'function' ? () => apply(hook as Hook, value, []) : undefined
}
