import type { CapsuleSessionOptions } from '@capsule/host'
import type { RunResult, Session } from '@capsule/session'
import type { EscapeLab } from './lab.ts'

/**
 * The levels that attacks run at, weakest first. `os-alone`: level `os` without Node's permission model, so that what
 * bubblewrap and seccomp stop is seen by itself.
 */
export const escapeLevels = ['none', 'process', 'permission', 'os', 'os-alone'] as const
export type EscapeLevel = (typeof escapeLevels)[number]

/**
 * `open`: an ordinary cell succeeds (at `none` and `process`: one of a session with `modules: true`). `hygiene`: code that
 * gets hold of Node's modules succeeds, and only their absence keeps cells from it. `stopped`: it fails even with modules.
 */
export type Verdict = 'open' | 'hygiene' | 'stopped'
export type Expected = Readonly<Record<EscapeLevel, Verdict>>

export const escapeGroups = ['files', 'process', 'network', 'environment', 'realm', 'limits', 'protocol'] as const
export type EscapeGroup = (typeof escapeGroups)[number]

/** One try of an attack. */
export interface Shot {
  readonly lab: EscapeLab
  /** In the stage, where everybody may write; nothing is there yet. */
  readonly path: string
}

interface AttackBase {
  /** `<group>/<what>` */
  readonly id: string
  /** What the attacker gets. */
  readonly title: string
  readonly expected: Expected
  /** Where Node 26 differs. */
  readonly sinceNode26?: Partial<Expected>
  /** Where it must succeed, or what shows that the attack works where nothing stops it. */
  readonly control: EscapeLevel | ((shot: Shot) => Promise<boolean>)
  /** Stands below the table. */
  readonly note?: string
}

/** The body of an async function in a cell: it returns `true` when it got through, and may throw when it did not. */
export interface CellAttack extends AttackBase {
  readonly cell: (shot: Shot) => string
  /** Told by the host instead of by the cell. */
  readonly evidence?: (shot: Shot, run: RunResult) => boolean | Promise<boolean>
  /** For a session of its own. */
  readonly session?: (lab: EscapeLab) => CapsuleSessionOptions
  /** It needs a worker of its own, which may die of it. */
  readonly alone?: true
}

/** Gives sessions whose cells have modules; they end with the attack. */
export type OpenSession = (options?: CapsuleSessionOptions) => Promise<Session>

/** Whatever needs the host as well; `open` gives a session whose cells have modules. */
export interface DrivenAttack extends AttackBase {
  readonly drive: (shot: Shot, open: OpenSession) => Promise<boolean>
}

export type Attack = CellAttack | DrivenAttack

/** Open up to the level before, stopped from there on. */
export function stoppedFrom(level: EscapeLevel, change: Partial<Expected> = {}): Expected {
  const first = escapeLevels.indexOf(level)
  const verdicts = escapeLevels.map((each, index) => [each, index < first ? 'open' : 'stopped'])
  return { ...(Object.fromEntries(verdicts) as Record<EscapeLevel, Verdict>), ...change }
}

/** The host stops it, whatever the level. */
export const stoppedEverywhere: Expected = stoppedFrom('none')
/** Nothing keeps those that have modules from it. */
export const onlyHygiene: Expected = {
  none: 'open',
  process: 'open',
  permission: 'hygiene',
  os: 'hygiene',
  'os-alone': 'hygiene',
}
export const openEverywhere: Expected = {
  none: 'open',
  process: 'open',
  permission: 'open',
  os: 'open',
  'os-alone': 'open',
}

export const quoted = (value: unknown): string => JSON.stringify(value)
