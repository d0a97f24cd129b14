import type { Container } from '@capsule/core'
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
  info(): CapsuleInfo
  /** Ends every session. Idempotent. @throws AggregateError */
  shutdown(options?: { graceMs?: number }): Promise<void>
}
