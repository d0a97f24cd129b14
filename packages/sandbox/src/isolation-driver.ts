import type { IsolationLevel } from './isolation-level.ts'

/** Whether a driver works on this machine; if not, why, and what would change that. */
export type Availability =
  | { readonly isAvailable: true }
  | { readonly isAvailable: false; readonly reason: string; readonly nextStep: string }

/** What a worker needs of Node's permission model to start; it gives all of it up before it runs anything of a cell. */
export type StartGrant = 'worker' | 'inspector'

/** One worker to start. */
export interface WorkerLaunchRequest {
  /** An absolute path. */
  readonly nodePath: string
  /** Absolute paths of files in one folder: the first is run, the others are what it loads from beside itself. */
  readonly entryFiles: readonly string[]
  /** For Node and V8, in front of the entry. */
  readonly nodeFlags: readonly string[]
  /** Behind the entry. */
  readonly workerArgs: readonly string[]
  readonly startGrants: readonly StartGrant[]
  /** All of the worker's environment; at level `none` it is added to the host's. */
  readonly env: Readonly<Record<string, string>>
  /** @defaultValue an empty directory of its own; at level `none` the host's. Not at levels `permission` and `os`. */
  readonly cwd?: string | undefined
  /** Cap of V8's heap in MiB. @defaultValue 512 at levels `permission` and `os`, else Node's own */
  readonly maxHeapMb?: number | undefined
  /** @defaultValue 65534 at levels `permission` and `os` where the host is root, else the host's */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/** What a child finds as one more descriptor; `ExtraStdio` of `@capsule/transport` says the same. */
export type LaunchStdio =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'null' }
  | { readonly type: 'none' }

/** How to start a worker, as often as one likes, until `release()`. */
export interface PreparedLaunch {
  /** Started without a shell. */
  readonly command: string
  readonly args: readonly string[]
  /** All of it: nothing is to be inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** It runs the worker as a child, and ends with 128 + n where signal n has ended that. @defaultValue false */
  readonly tellsSignalsAsCodes?: boolean | undefined
  /** fd 5, 6, ... of what is started. */
  readonly extraStdio: readonly LaunchStdio[]
  /**
   * The worker's pid as the host sees it, given that of what was started, once the worker has said that it is ready.
   * Absent where it cannot be known: then use of memory and CPU cannot be limited.
   */
  readonly workerPid?: ((startedPid: number) => number | undefined) | undefined
  /** Removes what was made for it. Idempotent. */
  readonly release: () => Promise<void>
}

/** Gives workers one isolation level. */
export interface IsolationDriver {
  readonly name: string
  readonly level: IsolationLevel
  /** Really starts a process under the level once for each `nodePath`, and remembers what came of it. */
  readonly probe: (options: { nodePath: string }) => Promise<Availability>
  /** @throws INVALID_OPTIONS, ISOLATION_UNAVAILABLE */
  readonly prepare: (launch: WorkerLaunchRequest) => Promise<PreparedLaunch>
}
