import type { AbortOptions } from '@capsule/core'
import type { Outcome } from '@capsule/session'

/** One execution as it travels to a worker host: plain data. */
export interface DispatchedExecution {
  /** `[A-Za-z0-9_-]{1,128}`; the same id is the same execution, and gets the same outcome. */
  readonly id: string
  readonly code: string
  readonly timeoutMs?: number
  /** Runs in the session of that name, which lives on one host; without it any session of the group's pool will do. */
  readonly sessionName?: string
}

export interface DispatchOptions extends AbortOptions {
  /** The worker hosts that may take it. @defaultValue 'default' */
  readonly group?: string
  /** Only this host of the group: where a session lives. */
  readonly host?: string
}

/** What a worker host tells of an execution, besides its outcome. */
export interface DispatchedOutcome {
  readonly outcome: Outcome
  readonly host: string
  /** 1 at first; more when a host was lost while it ran. */
  readonly attempt: number
}

export interface ServeOptions {
  readonly group?: string
  /** Unique in its group; the name that `dispatch({ host })` uses. */
  readonly host: string
  /** Executions at a time. Others wait in the engine, or go to other hosts. */
  readonly capacity: number
  /** Never rejects for failures of the cell. What it rejects with is retried by the engine, elsewhere if it can. */
  readonly run: (execution: DispatchedExecution, attempt: number, options: Required<AbortOptions>) => Promise<Outcome>
}

export interface ServingHost extends AsyncDisposable {
  /** Takes nothing new and waits for what runs, at most `graceMs`. Idempotent. */
  shutdown(options?: { graceMs?: number }): Promise<void>
}

/** Brings executions to worker hosts over an engine that survives the loss of either side. */
export interface ExecutionDistributor extends AsyncDisposable {
  readonly name: string
  /** @throws DISTRIBUTOR_UNAVAILABLE, DISTRIBUTOR_CLOSED, SESSION_HOST_LOST, CANCELLED (the execution may go on) */
  dispatch(execution: DispatchedExecution, options?: DispatchOptions): Promise<DispatchedOutcome>
  serve(options: ServeOptions): Promise<ServingHost>
  close(): Promise<void>
}
