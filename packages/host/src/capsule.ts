import type { AuditSink, PolicyDefinition, SessionCapabilities } from '@capsule/capabilities'
import type { CapabilityProvider, Container } from '@capsule/core'
import type { AskedIsolation, IsolationLevel } from '@capsule/sandbox'
import type { Pool, PoolInfo, PoolOptions } from '@capsule/pool'
import type { Session, SessionInfo, SessionOptions } from '@capsule/session'
import type { WorkerExecutor } from '@capsule/worker'
import type { CapsuleDurable, DurableOptions } from './durable.ts'

/** What a session can be given. `SessionOptions` has the rest. */
export interface CapsuleSessionOptions extends SessionOptions {
  /**
   * Environment variables of the worker: all of them; at level `none` they are added to the host's.
   * @defaultValue {}
   */
  readonly env?: Readonly<Record<string, string>>
  /**
   * Where cells run and resolve imports from, at levels `none` and `process`.
   * @defaultValue an empty directory, removed when the session ends; level `none`: the host's
   */
  readonly cwd?: string
  /** @defaultValue the capsule's */
  readonly executor?: WorkerExecutor
  /**
   * What cells may call, as `caps.<provider>.<name>`. They are disposed with the last session that was given them; those in
   * the capsule's defaults with the capsule; if the session cannot start they stay yours. @defaultValue none
   */
  readonly capabilities?: readonly CapabilityProvider[]
  /** What of `capabilities` is granted, with which limits, and whether cells may ask a person. @defaultValue all of it, and they may */
  readonly policy?: PolicyDefinition
  /**
   * Whether cells may import modules of Node and of npm, and have `require`; at levels `none` and `process` only.
   * @defaultValue false
   */
  readonly modules?: boolean
  /**
   * Cap of V8's heap in MiB; buffers and WebAssembly memory do not count.
   * @defaultValue 512 at levels `permission` and `os`, else Node's own
   */
  readonly maxHeapMb?: number
  /**
   * Cap of the worker's memory in MiB, everything included, looked at every 50 ms. Linux.
   * @defaultValue 1024 at levels `permission` and `os` on Linux, else none
   */
  readonly maxRssMb?: number
  /** Cap of the CPU time of one execution in ms, of all threads together. Linux. @defaultValue none */
  readonly maxCpuMs?: number
}

export interface CapsuleOptions {
  /** `auto` is the strongest level available; a named one is given, or one that is stronger. @defaultValue 'auto' */
  readonly isolation?: AskedIsolation
  /** @defaultValue 'threaded' */
  readonly executor?: WorkerExecutor
  /** Node 24 or later. @defaultValue `process.execPath` */
  readonly nodePath?: string
  /** Is told of every decision and every call of a capability; yours to dispose. @defaultValue nothing is recorded */
  readonly audit?: AuditSink
  /** Makes `capsule.pool`, and warms it up. @defaultValue no pool */
  readonly pool?: CapsulePoolOptions
  /** Defaults of every session. */
  readonly session?: Omit<CapsuleSessionOptions, 'signal'>
  /** Where durable executions are kept, and how. */
  readonly durable?: DurableOptions
  /** Replaces parts: `parts: (container) => container.provide(tokens.clock, () => clock)`. */
  readonly parts?: (container: Container) => unknown
}

/** A pool of sessions of this capsule. */
export interface CapsulePoolOptions extends PoolOptions {
  /**
   * What each session is given, over the capsule's defaults. Its providers are disposed with the pool. The pool's own
   * `warmup` takes the place of that here.
   */
  readonly session?: Omit<CapsuleSessionOptions, 'signal' | 'warmup'>
}

export interface CapsuleInfo {
  /** The level that sessions get. */
  readonly isolation: IsolationLevel
  /** Of `capsule.pool`, where there is one. */
  readonly pool?: PoolInfo
  readonly sessions: readonly SessionInfo[]
}

/** Makes sessions and ends them. */
export interface Capsule extends AsyncDisposable {
  /** The sessions that are not closed, oldest first. */
  readonly sessions: readonly Session[]
  /** Cells that survive this process. @throws CAPSULE_CLOSED */
  readonly durable: CapsuleDurable
  /** The one that `createCapsule({ pool })` asked for. @throws POOL_NOT_CONFIGURED */
  readonly pool: Pool
  /** Another pool, which ends with the capsule if not before. @throws INVALID_OPTIONS, CAPSULE_CLOSED, PROVIDER_DISPOSED */
  createPool(options?: CapsulePoolOptions): Pool
  /**
   * Without options a warm session is taken out of `capsule.pool`, if it has one idle and neither `session` nor `warmup.code` of its own.
   * @throws INVALID_OPTIONS, CAPSULE_CLOSED, MODULES_NOT_OFFERED, PROVIDER_DISPOSED, PROVIDER_CONFLICT, PROVIDER_UNSUPPORTED, POLICY_INVALID,
   * and what `createSession` of `@capsule/session` throws
   */
  createSession(options?: CapsuleSessionOptions): Promise<Session>
  /**
   * What a session of this capsule may call: to narrow it, revoke parts, or ask why. A session keeps it for its life.
   * @throws SESSION_UNKNOWN
   */
  capabilitiesOf(session: Session): SessionCapabilities
  info(): CapsuleInfo
  /** Ends every pool and every session. Idempotent. @throws AggregateError */
  shutdown(options?: { graceMs?: number }): Promise<void>
}
