/**
 * How far a worker is kept from the machine, weakest first. `none`: for trusted code. `process`: stops accidents.
 * `permission`: Node's own checks on top, with documented holes. `os`: a boundary that the system enforces.
 */
export const isolationLevels = ['none', 'process', 'permission', 'os'] as const

export type IsolationLevel = (typeof isolationLevels)[number]

/** What a caller may ask for: `auto` is the strongest level available. */
export type AskedIsolation = IsolationLevel | 'auto'

export const strengthOf = (level: IsolationLevel): number => isolationLevels.indexOf(level)

/** At levels `permission` and `os` a worker runs under Node's permission model, without the host's files, with caps of its own. */
export const isConfined = (level: IsolationLevel): boolean => strengthOf(level) >= strengthOf('permission')

/** unit: MiB of V8's heap, where the caller asks for none */
export const defaultConfinedHeapMb = 512

/** unit: MiB of resident memory, where the caller asks for none: the heap above, and as much outside of it */
export const defaultConfinedRssMb = 1024
