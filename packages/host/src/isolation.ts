import type { CapsuleOptions, IsolationLevel } from './capsule.ts'
import { hostErrors } from './errors.ts'

/** Strongest first. */
const available: readonly IsolationLevel[] = ['process', 'none']

/** The level that sessions get; never less than was asked for. @throws ISOLATION_UNAVAILABLE */
export function obtainIsolation(asked: NonNullable<CapsuleOptions['isolation']>): IsolationLevel {
  if (asked === 'auto') return 'process'
  const level = available.find((each) => each === asked)
  if (level === undefined) throw hostErrors.ISOLATION_UNAVAILABLE({ asked, available })
  return level
}

// they would change how the worker's Node starts, or give it a channel of the host
const neverInherited = new Set(['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'])

/** The environment of a worker: what the caller gives, at level `none` on top of the host's own. */
export function workerEnv(level: IsolationLevel, given: Readonly<Record<string, string>>): Record<string, string> {
  if (level === 'process') return { ...given }
  const inherited: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !neverInherited.has(name)) inherited[name] = value
  }
  return { ...inherited, ...given }
}
