import { coreErrors } from '@capsule/core'
import type { IsolationLevel } from './isolation-level.ts'

// they would change how the worker's Node starts, or give it a channel of the host
const neverInherited = new Set(['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'])

/** Each makes the loader, Node or OpenSSL load or write files, or changes the flags that confine a worker. */
const unconfining = /^(LD_|GLIBC_TUNABLES$|OPENSSL_|SSL_CERT_|NODE_(?!ENV$|NO_WARNINGS$|DISABLE_COLORS$))/

/** The environment of a confined worker. @throws INVALID_OPTIONS */
export function confinedEnv(level: IsolationLevel, given: Readonly<Record<string, string>>): Record<string, string> {
  const problems = Object.keys(given)
    .filter((name) => unconfining.test(name))
    .map((name) => `env.${name}: could undo isolation level '${level}'; leave it out, or use level 'process'`)
  if (problems.length > 0) throw coreErrors.INVALID_OPTIONS({ where: 'createSession()', problems })
  return { ...given }
}

/** The environment of a worker at level `none`: what the caller gives, on top of the host's own. */
export function inheritedEnv(given: Readonly<Record<string, string>>): Record<string, string> {
  const inherited: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !neverInherited.has(name)) inherited[name] = value
  }
  return { ...inherited, ...given }
}
