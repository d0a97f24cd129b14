import type { AbortOptions, EventSource } from '@capsule/core'
import type {
  BindingReport,
  BindingSummary,
  CellLanguage,
  HeartbeatMessage,
  InspectAnswer,
  InspectQuery,
  RestoreMode,
  Route,
  TransactionMode,
  WorkerSettings,
} from '@capsule/protocol'
import type {
  ProcessExit,
  ProcessTransport,
  StreamChannel,
  StreamCounters,
  TransportCounters,
} from '@capsule/transport'
import type { InterceptorBudget, InterceptorInfo } from './interceptor-budget.ts'
import type { Outcome, OutcomeError } from './outcome.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import type { Approval, ApprovalDecision } from './capabilities/capability-grants.ts'
import type { CheckpointPolicy } from './checkpoint/checkpoint-policy.ts'
import type { Interceptor } from './interceptor.ts'
import type { HistoryEntry } from './session-history.ts'
import type { WarmupCell, WarmupReport } from './warmup-cell.ts'

export type ExecutionEvent = { readonly executionId: string; readonly late?: true } & (
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly type: 'display'
      /** What `update` and `clear` of the same display repeat. */
      readonly displayId: string
      readonly action: 'show' | 'update' | 'clear'
      /** By MIME type: text as a string, binary as bytes, or a JSON value. Empty for `clear`. */
      readonly data: Readonly<Record<string, unknown>>
      readonly metadata?: Readonly<Record<string, unknown>>
      /** Something was left out: it is too large, or cannot be sent. */
      readonly truncated?: true
      /** The MIME types that were left out. */
      readonly dropped?: readonly string[]
    }
  /** How far the cell has come. Of many reports some are passed over, never the last one. */
  | { readonly type: 'progress'; readonly done: number; readonly total?: number; readonly text?: string }
  | {
      readonly type: 'input-request'
      readonly inputId: string
      readonly prompt: string
      readonly secret?: true
      readonly timeoutMs?: number
    }
  /** A capability call waits for a person: `execution.approve()` or `execution.deny()`. */
  | ({ readonly type: 'approval-request' } & Approval)
  /** An uncaught exception or unhandled rejection that the execution caused. */
  | { readonly type: 'error'; readonly error: OutcomeError }
)

export interface ExecuteOptions extends AbortOptions {
  /** @defaultValue the session's `timeoutMs`; Infinity means none */
  readonly timeoutMs?: number
  /** After a cancel or timeout: how long until the worker is killed. @defaultValue the session's */
  readonly graceMs?: number
  readonly filename?: string
  readonly language?: CellLanguage
  readonly route?: Route
  readonly storeHistory?: boolean
  /**
   * What becomes of the cell's changes to the namespace. A rollback puts top-level bindings back, mutated plain data
   * included, and `outcome.transaction` says what cannot be. @defaultValue changes stay, and nothing is reported
   */
  readonly transaction?: TransactionMode
  /** Waits for its turn, first in first out, where it would be `SESSION_BUSY`; its timeout starts with its turn. @defaultValue false */
  readonly queue?: boolean
  /**
   * The same key with the same cell runs once: later calls get the same execution id and outcome, and run nothing.
   * 1 to 256 characters.
   */
  readonly idempotencyKey?: string
  /** When the key is known: the events from the first on instead of only those to come. @defaultValue false */
  readonly replay?: boolean
}

export interface Execution extends AsyncIterable<ExecutionEvent> {
  readonly executionId: string
  /** Never rejects for guest failures; always settles. */
  readonly outcome: Promise<Outcome>
  /** Answers an input request; `null` means end of input. @throws INPUT_NOT_PENDING */
  respond(inputId: string, answer: string | null): Promise<void>
  /** Lets a capability call go on. @throws APPROVAL_NOT_PENDING */
  approve(approvalId: string, options?: ApproveOptions): Promise<void>
  /** The call fails with APPROVAL_DENIED. @throws APPROVAL_NOT_PENDING */
  deny(approvalId: string, options?: DenyOptions): Promise<void>
  /** Stops the execution and resolves to its outcome. */
  cancel(options?: { graceMs?: number }): Promise<Outcome>
}

export type ApproveOptions = Pick<ApprovalDecision, 'reason' | 'remember'>
export type DenyOptions = Pick<ApprovalDecision, 'reason' | 'remember'>

export interface StreamOptions {
  /** What the cell may have written and this side not read. @defaultValue 1 MiB */
  readonly windowBytes?: number | undefined
}

export interface RunResult {
  readonly outcome: Outcome
  readonly stdout: string
  readonly stderr: string
  readonly events: readonly ExecutionEvent[]
}

export interface RunOptions extends ExecuteOptions {
  /** Answers input requests; without it they get end of input. */
  readonly onInput?: (
    prompt: string,
    request: { inputId: string; secret: boolean },
  ) => string | null | Promise<string | null>
  /** Decides capability calls that need a person; without it they are denied. */
  readonly onApproval?: (approval: Approval) => boolean | ApprovalDecision | Promise<boolean | ApprovalDecision>
  readonly onEvent?: (event: ExecutionEvent) => void
  /** Characters of output kept, displays and progress included; beyond it the rest is dropped and the outcome says `truncated`. @defaultValue 16 Mi */
  readonly maxOutputLength?: number
}

/** `busy`: at least one cell runs. */
export type SessionState = 'starting' | 'ready' | 'busy' | 'restarting' | 'crashed' | 'closed'

export interface SessionInfo {
  readonly sessionId: string
  readonly state: SessionState
  readonly isolation: string
  /** Counts workers: 1 at first, one more with each restart. */
  readonly generation: number
  readonly worker?: {
    readonly pid: number
    readonly nodeVersion: string
    readonly protocol: { readonly major: number; readonly minor: number }
    readonly codec: string
    readonly features: readonly string[]
    readonly executors: readonly {
      readonly name: string
      readonly preemptive: boolean
      readonly syncInput: boolean
      readonly concurrent: boolean
    }[]
    readonly settings: WorkerSettings
  }
  readonly tainted: boolean
  /** What the namespace was last restored from. */
  readonly restored?: RestoredFacts
  /** What the warm-up of the present worker did, cell by cell; absent when there is none to do. */
  readonly warmup?: readonly WarmupReport[]
  readonly heartbeat?: Omit<HeartbeatMessage, 'type'>
  /** Milliseconds since that heartbeat came. A worker is never killed for being silent. */
  readonly heartbeatAgeMs?: number
  readonly transport?: TransportCounters & { readonly kind: string }
  /** Of the present worker's channels. */
  readonly streams: StreamCounters
  /** Of the bridge that the session belongs to. */
  readonly bridge?: BridgeFigures
  /** In the order they were given, also those that are no longer called. */
  readonly interceptors: readonly InterceptorInfo[]
  readonly counters: {
    readonly executions: number
    /** Executions that a worker has now. */
    readonly running: number
    /** Executions that wait now. */
    readonly queued: number
    readonly byStatus: Readonly<Record<Outcome['status'], number>>
    readonly restarts: number
    readonly invalidMessages: number
    readonly unknownMessages: number
    readonly lateEvents: number
  }
}

/** What a bridge tells of itself: its state, what is pending, its counters. */
export type BridgeFigures = Readonly<Record<string, unknown>>

export interface SessionEvents {
  state: [state: SessionState]
  /** What came after its execution had settled. */
  late: [event: ExecutionEvent]
  heartbeat: [heartbeat: Omit<HeartbeatMessage, 'type'>]
  /** A worker died, and why. */
  crashed: [exit: ProcessExit & { readonly stderrTail: string }]
  restarted: [generation: number]
  /** One was taken and kept. */
  checkpoint: [checkpoint: Checkpoint]
  /** One that nobody waited for was not taken, or could not be put into a worker that took over. */
  'checkpoint-failed': [error: Error]
  restored: [facts: RestoredFacts]
  /** Text on fd 1 or 2 that belongs to no execution. */
  stray: [stray: { stream: 'stdout' | 'stderr'; text: string }]
  /** An interceptor was too slow or threw, and is no longer called. */
  'interceptor-quarantined': [report: { name: string; reason: string }]
}

export interface Session extends AsyncDisposable {
  readonly sessionId: string
  readonly events: EventSource<SessionEvents>
  /** Starts one cell, beside those that run if `maxConcurrentExecutions` allows it. @throws SESSION_BUSY, SESSION_QUEUE_FULL, SESSION_CLOSED, IDEMPOTENCY_CONFLICT, INVALID_OPTIONS */
  execute(code: string, options?: ExecuteOptions): Execution
  /** Runs one cell and collects what it printed. */
  run(code: string, options?: RunOptions): Promise<RunResult>
  /** Stops all that runs now, also late code of settled cells, and keeps the session. */
  interrupt(options?: { graceMs?: number }): Promise<void>
  /** Looks at the namespace; works while a cell waits. @defaultValue the query `{ what: 'namespace' }` @throws FEATURE_UNAVAILABLE */
  inspect(query?: InspectQuery, options?: AbortOptions & { timeoutMs?: number }): Promise<InspectAnswer>
  /** The bindings of the namespace. */
  bindings(options?: AbortOptions): Promise<readonly BindingSummary[]>
  /**
   * This side's end of the channel that cells get by `capsule.stream(name)`: the same object as long as it lives, whoever
   * comes first. It ends with the present worker.
   * @throws INVALID_OPTIONS, FEATURE_UNAVAILABLE, STREAM_LIMIT, NO_WORKER, SESSION_CLOSED
   */
  stream(name: string, options?: StreamOptions): StreamChannel
  /** A fresh worker and an empty namespace; what runs or waits ends as `cancelled`, state `lost`. */
  restart(options?: AbortOptions): Promise<void>
  /**
   * The same worker with an empty namespace, as after its start; faster than `restart()`. What runs or waits ends as
   * `cancelled`, state `lost`, and what earlier cells left pending is stopped. Aborting ends the wait, not the reset.
   *
   * After RESET_INCOMPLETE the namespace is empty, but the process is not as it was (`details.left`), and nothing has warmed
   * up: `restart()` gives another. After RESET_FAILED, REQUEST_TIMED_OUT, WARMUP_FAILED and READY_TIMEOUT the worker was
   * replaced, and the session is empty unless `info().state` says `crashed`. FEATURE_UNAVAILABLE has touched nothing.
   * @throws RESET_INCOMPLETE, RESET_FAILED, REQUEST_TIMED_OUT, WARMUP_FAILED, READY_TIMEOUT, FEATURE_UNAVAILABLE, CANCELLED, SESSION_CLOSED, and why the worker ended
   */
  reset(options?: AbortOptions): Promise<void>
  /**
   * Writes the namespace and its history down, and keeps that in the store of `checkpoints`. Waits for the cells that run;
   * cells that come meanwhile wait for it.
   * @throws FEATURE_UNAVAILABLE, CHECKPOINT_FAILED, CHECKPOINT_TOO_LARGE, REQUEST_TIMED_OUT, CANCELLED, and what the store throws
   */
  checkpoint(options?: CheckpointOptions): Promise<Checkpoint>
  /**
   * Puts a checkpoint, its bytes, or the one of that id in the store, in the place of the namespace or over it. When it
   * rejects, the namespace is as it was, unless `state` says that the worker is gone.
   * @throws CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPTED, CHECKPOINT_MALFORMED, CHECKPOINT_VERSION_UNSUPPORTED, CHECKPOINT_TOO_LARGE, RESTORE_FAILED, REQUEST_TIMED_OUT, CANCELLED
   */
  restore(checkpoint: Checkpoint | Uint8Array | string, options?: RestoreOptions): Promise<RestoredFacts>
  /** Another session with the same options and the same namespace; `info().restored` has the report. */
  fork(options?: AbortOptions): Promise<Session>
  /** The cells that ran, oldest first; at most 1,000. `restore(entry.checkpointId)` goes back to one. */
  history(): readonly HistoryEntry[]
  /**
   * Ends the worker: politely within `graceMs`, then by SIGKILL. With `checkpoint`, what runs is stopped and a last
   * checkpoint is taken and kept; should that fail, the session ends all the same and the call rejects. Idempotent.
   */
  shutdown(options?: { graceMs?: number; checkpoint?: boolean }): Promise<void>
  info(): SessionInfo
}

export interface CheckpointOptions extends AbortOptions {
  /** 1 to 256 characters, for people. */
  readonly name?: string
}

export interface RestoreOptions extends AbortOptions {
  /** `replace`: nothing of the namespace before stays. `merge`: what the checkpoint does not name stays. @defaultValue 'replace' */
  readonly mode?: RestoreMode
}

/** What a namespace was restored from, and how. */
export interface RestoredFacts {
  readonly checkpointId: string
  readonly mode: RestoreMode
  readonly report: readonly BindingReport[]
}

/** Starts one worker process and connects to it. */
export type ConnectWorker<Out extends object> = () => ProcessTransport<Out>

export interface SessionOptions extends AbortOptions {
  /** Asked of the worker; environment variables `CAPSULE_*` give defaults. */
  readonly settings?: Partial<WorkerSettings>
  /** Default time limit of an execution. @defaultValue Infinity */
  readonly timeoutMs?: number
  /** From cancel to termination. @defaultValue 30; with `maxConcurrentExecutions` above 1: 250 */
  readonly cooperativeMs?: number
  /** From cancel to SIGKILL. @defaultValue 2000 */
  readonly graceMs?: number
  /** @defaultValue 10_000 */
  readonly readyTimeoutMs?: number
  /** @defaultValue 2000 */
  readonly shutdownGraceMs?: number
  /** How much printed text may be on its way to a slow reader before the printing code waits. @defaultValue 256 KiB */
  readonly outputWindowBytes?: number
  /** Cells run (without history) after each start, before `ready`. One that does not end as `ok` fails the start, unless it is optional. */
  readonly warmup?: readonly (string | WarmupCell)[]
  /** Whether a fresh worker replaces one that died by itself. @defaultValue true */
  readonly restartOnCrash?: boolean
  /** How many cells may run at once, each going on where the others await. @defaultValue 1 */
  readonly maxConcurrentExecutions?: number
  /** When checkpoints are taken without being asked for, and where all are kept. */
  readonly checkpoints?: CheckpointPolicy
  /** How many executions may wait with `queue: true`. @defaultValue 1000 */
  readonly maxQueued?: number
  /** What is remembered for `idempotencyKey`. */
  readonly idempotency?: {
    /** Settled executions; beyond it the one asked for longest ago is forgotten. @defaultValue 256 */
    readonly entries?: number
    /** From the outcome on. @defaultValue 600_000 */
    readonly ttlMs?: number
    /** Events kept of each execution for `replay`; beyond it a replay ends in REPLAY_TRUNCATED. @defaultValue 1 MiB */
    readonly eventBytes?: number
  }
  /** How many channels the host, and how many the worker, may have opened at a time. @defaultValue 64 */
  readonly maxStreams?: number
  readonly interceptors?: readonly Interceptor[]
  /** What each of them may take of the host's time. Past it, it is quarantined. */
  readonly interceptorBudget?: Partial<InterceptorBudget>
  /** Which codecs to offer, in order. @defaultValue ['msgpack', 'json'] */
  readonly codecs?: readonly ('msgpack' | 'json')[]
}
