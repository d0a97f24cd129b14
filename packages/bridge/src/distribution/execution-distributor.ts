import type { AbortOptions } from '@capsule/core'
import type { Outcome } from '@capsule/session'

/** One execution as it travels to a worker host: plain data. */
export interface DispatchedExecution {
  /** `[A-Za-z0-9_-]{1,128}`; the same id in the same place (group, and host if one is named) is the same execution, and gets the same outcome. */
  readonly id: string
  readonly code: string
  readonly timeoutMs?: number
  /** Runs in the session of that name, which lives on one host; without it any session of the group will do. */
  readonly sessionName?: string
  /** The session must be there: a host that does not hold it refuses with SESSION_HOST_LOST, where it would open a fresh one. @defaultValue false */
  readonly continuesSession?: boolean
}

export interface DispatchOptions extends AbortOptions {
  /** The worker hosts that may take it: `[A-Za-z0-9_-]{1,64}`. @defaultValue 'default' */
  readonly group?: string
  /** Only this host of the group, as `DispatchedOutcome.host` named it: where a session lives. */
  readonly host?: string
}

/** What running it gave. Events are not brought over. */
export interface ExecutionResult {
  readonly outcome: Outcome
  /** What the cell printed. */
  readonly stdout: string
  readonly stderr: string
}

/** What a worker host tells of an execution. */
export interface DispatchedOutcome extends ExecutionResult {
  /** `ServingHost.host` of the one that ran it. */
  readonly host: string
  /** 1 at first; more when a host was lost while it ran, or could not run it. */
  readonly attempt: number
}

/**
 * Runs one execution. Failures of the cell are outcomes. What it rejects with is told to the engine, which tries again,
 * elsewhere if it can; only SESSION_HOST_LOST goes to the caller at once.
 */
export type RunExecution = (
  execution: DispatchedExecution,
  attempt: number,
  options: { readonly signal: AbortSignal },
) => Promise<ExecutionResult>

export interface ServeOptions {
  /** @defaultValue 'default' */
  readonly group?: string
  /** What the host's name begins with: `[A-Za-z0-9_-]{1,40}`. */
  readonly host: string
  /** Executions at a time. Others wait in the engine, or go to other hosts. */
  readonly capacity: number
  readonly run: RunExecution
}

export interface ServingHost extends AsyncDisposable {
  /** The given name and a random end: sessions end with their process, and a host that starts again is another host. */
  readonly host: string
  /** Executions that run here. */
  readonly running: number
  /**
   * Takes nothing new and waits for what runs, at most `graceMs`; then its signal fires, and the engine gives it to others.
   * Idempotent. @defaultValue `graceMs` 10_000
   */
  shutdown(options?: { graceMs?: number }): Promise<void>
}

/** Brings executions to worker hosts over an engine that survives the loss of either side. */
export interface ExecutionDistributor extends AsyncDisposable {
  readonly name: string
  /**
   * At least once: an execution whose host is lost runs again elsewhere, and `attempt` says so. It has one outcome.
   * @throws INVALID_OPTIONS, DISTRIBUTOR_UNAVAILABLE, DISTRIBUTOR_CLOSED, SESSION_HOST_LOST, EXECUTION_ABANDONED,
   * CANCELLED (this caller waits no longer; the execution goes on)
   */
  dispatch(execution: DispatchedExecution, options?: DispatchOptions): Promise<DispatchedOutcome>
  /** @throws INVALID_OPTIONS, DISTRIBUTOR_UNAVAILABLE, DISTRIBUTOR_CLOSED */
  serve(options: ServeOptions): Promise<ServingHost>
  /** Shuts down the hosts it serves; waiting dispatches reject with DISTRIBUTOR_CLOSED, what they wait for goes on. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void>
}
