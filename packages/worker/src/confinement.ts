import { Console } from 'node:console'

/** Node's permission model as far as types do not know it yet. */
interface Permission {
  has(scope: string, reference?: string): boolean
  drop?(scope: string, reference?: string): void
}

type GrantName = 'worker' | 'inspector'

const permission = (process as { permission?: Permission }).permission

/** Whether this process runs under Node's permission model. */
export const isConfined = permission !== undefined

/**
 * Gives up, for this thread, what the start needed. `files` are those that were loaded; nothing of them is secret, but
 * nothing needs them any more.
 * @throws when Node cannot give up a grant: the worker must not run cells then
 */
export function dropGrants({ grants, files }: { grants: readonly GrantName[]; files: readonly string[] }): void {
  if (permission === undefined) return
  for (const grant of grants) {
    permission.drop?.(grant)
    if (permission.has(grant)) throw new Error(`Node ${process.version} cannot give up the permission '${grant}'`)
  }
  for (const file of files) permission.drop?.('fs.read', file)
}

/**
 * Makes `console` print and no more. With an inspector session connected Node shows it every call, which makes one take
 * four times as long.
 */
export function unwrapConsole(): void {
  const methods = Console.prototype as unknown as Record<string, (...values: unknown[]) => void>
  const shown = console as unknown as Record<string, unknown>
  for (const name of Object.keys(methods)) {
    if (typeof shown[name] !== 'function') continue
    const method = (methods[name] as () => void).bind(console)
    shown[name] = Object.defineProperty(method, 'name', { value: name })
  }
}
