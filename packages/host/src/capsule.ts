import type { AuditSink, PolicyDefinition, SessionCapabilities } from '@capsule/capabilities'
import type { CapabilityProvider, Container } from '@capsule/core'
import type { Session, SessionInfo, SessionOptions } from '@capsule/session'
import type { WorkerExecutor } from '@capsule/worker'

/** `none`: for trusted code, with the host's environment and directory. `process`: stops accidents, not attacks. */
export type IsolationLevel = 'none' | 'process'

/** What a session can be given. `SessionOptions` has the rest. */
export interface CapsuleSessionOptions extends SessionOptions {
  /**
   * Environment variables of the worker: all of them at level `process`; at level `none` they are added to the host's.
   * @defaultValue {}
   */
  readonly env?: Readonly<Record<string, string>>
  /**
   * Where cells run and resolve imports from.
   * @defaultValue level `process`: an empty temporary directory, removed when the session ends; level `none`: the host's
   */
  readonly cwd?: string
  /** @defaultValue the capsule's */
  readonly executor?: WorkerExecutor
  /**
   * What cells may call, as `caps.<provider>.<name>`. They are disposed with the last session that was given them; those in
   * the capsule's defaults with the capsule. @defaultValue none
   */
  readonly capabilities?: readonly CapabilityProvider[]
  /** What of `capabilities` is granted, with which limits, and whether cells may ask a person. @defaultValue all of it, and they may */
  readonly policy?: PolicyDefinition
  /**
   * Whether cells may import modules of Node and of npm, and have `require`; at levels `none` and `process` only.
   * @defaultValue false
   */
  readonly modules?: boolean
  /** Cap of V8's heap in MiB; buffers and WebAssembly memory do not count. @defaultValue Node's own */
  readonly maxHeapMb?: number
}

export interface CapsuleOptions {
  /** `auto` is the strongest level available. @defaultValue 'auto' */
  readonly isolation?: IsolationLevel | 'permission' | 'os' | 'auto'
  /** @defaultValue 'threaded' */
  readonly executor?: WorkerExecutor
  /** Node 24 or later. @defaultValue `process.execPath` */
  readonly nodePath?: string
  /** Is told of every decision and every call of a capability; yours to dispose. @defaultValue nothing is recorded */
  readonly audit?: AuditSink
  /** Defaults of every session. */
  readonly session?: Omit<CapsuleSessionOptions, 'signal'>
  /** Replaces parts: `parts: (container) => container.provide(tokens.clock, () => clock)`. */
  readonly parts?: (container: Container) => unknown
}

export interface CapsuleInfo {
  /** The level that sessions get. */
  readonly isolation: IsolationLevel
  readonly sessions: readonly SessionInfo[]
}

/** Makes sessions and ends them. */
export interface Capsule extends AsyncDisposable {
  /** The sessions that are not closed, oldest first. */
  readonly sessions: readonly Session[]
  /** @throws INVALID_OPTIONS, CAPSULE_CLOSED, and what `createSession` of `@capsule/session` throws */
  createSession(options?: CapsuleSessionOptions): Promise<Session>
  /**
   * What a session of this capsule may call: to narrow it, revoke parts, or ask why. A session keeps it for its life.
   * @throws SESSION_UNKNOWN
   */
  capabilitiesOf(session: Session): SessionCapabilities
  info(): CapsuleInfo
  /** Ends every session. Idempotent. @throws AggregateError */
  shutdown(options?: { graceMs?: number }): Promise<void>
}
