import type { AbortOptions } from '@capsule/core'
import type { ApprovalDecision, Approval, CapabilityGrants, ExecutionEvent, Outcome, Session } from '@capsule/session'
import type { AnsweredInput, Bridge } from '../bridge.ts'
import type { BridgeInfo } from '../bridge-figures.ts'

/** A question of the cell, as `onInput` gets it. */
export interface DurableQuestion {
  readonly id: string
  /** Counts the questions of the execution from 1; what `answerInput()` wants. */
  readonly n: number
  readonly secret: boolean
  /** Aborts when no answer is wanted any more: somebody else has answered, or the execution is over. */
  readonly signal: AbortSignal
}

export interface DurableExecuteOptions<SessionOptions = object> extends AbortOptions {
  /** The same id is the same execution. `[A-Za-z0-9_-]{1,128}` */
  readonly id: string
  /** Always the same for one id. */
  readonly code: string
  /** From the first call with this id on: all attempts and all waiting for people together. What the first call said counts. @defaultValue the bridge's `promiseTimeoutMs` */
  readonly timeoutMs?: number
  /** Answers questions; without it they wait for `answerInput()`. `null`: end of input. What is neither ends the call with INVALID_OPTIONS. */
  readonly onInput?: (prompt: string, question: DurableQuestion) => string | null | Promise<string | null>
  /** Decides capability calls that need a person; without it they are denied. Decisions are not recorded. */
  readonly onApproval?: (approval: Approval) => boolean | ApprovalDecision | Promise<boolean | ApprovalDecision>
  /** What the attempts of this host print and ask; those of others are not heard. */
  readonly onEvent?: (event: ExecutionEvent, attempt: number) => void
  /** Of the session that each attempt gets. */
  readonly session?: SessionOptions
}

export interface DurableResult {
  readonly id: string
  /** As it was recorded, whichever host and process it came to. */
  readonly outcome: Outcome
  /** Which attempt came to it, from 1. */
  readonly attempt: number
  /** This call ran nothing: the outcome was recorded, or others ran it while this call waited. */
  readonly replayed: boolean
}

/**
 * Cells that survive their host. Each runs at least once, in a session of its own, until an outcome is recorded; from then on
 * that outcome is the answer. Of several calls with one id in one process the callbacks of the first count.
 */
export interface DurableExecutions extends AsyncDisposable {
  /**
   * Runs it, waits for the host that runs it, takes over from one that is gone, or answers from the record.
   * When the signal aborts, and nobody else in this process waits for it, the cell is stopped and nothing is recorded.
   * @throws EXECUTION_CONFLICT, EXECUTION_STOPPED, PROMISE_TIMED_OUT, PROMISE_CANCELLED, and what the bridge, `onInput` and the start of a session throw
   */
  execute(options: DurableExecuteOptions): Promise<DurableResult>
  /**
   * Answers the n-th question from outside of `onInput`, on any host, also when the one that asked is gone. The first answer counts.
   * @throws INPUT_NOT_ASKED, PROMISE_CANCELLED when the execution is over
   */
  answerInput(id: string, n: number, answer: string | null): Promise<AnsweredInput>
  /** Ends it for good, wherever it runs: that is recorded. `false`: it was over, or there is none. */
  cancel(id: string, options?: { reason?: string }): Promise<boolean>
  info(): BridgeInfo
  /** Waits for the sessions that end. The bridge is closed by whoever made it. */
  close(): Promise<void>
}

/** One session for one attempt. */
export interface OpenDurableSession {
  readonly id: string
  readonly attempt: number
  /** As given to `execute()`. */
  readonly options: object
  /** For the environment of the worker: tells the cell which execution and attempt it is. */
  readonly env: Readonly<Record<string, string>>
  /** To be put around the grants of the session, so that calls with an idempotency key are made once. */
  readonly guard: (grants: CapabilityGrants) => CapabilityGrants
  readonly signal: AbortSignal
}

export interface CreateDurableExecutionsOptions {
  /** Yours to close, before this. */
  readonly bridge: Bridge
  readonly openSession: (request: OpenDurableSession) => Promise<Session>
  /**
   * On a shared store: how long this host, when it is gone or cut off from the store, keeps its executions from others. The clocks
   * of the hosts and of the store must agree within half of it.
   * @defaultValue 30_000
   */
  readonly leaseMs?: number
  /** How often one call runs the cell again because its worker died; beyond it the outcome is `crashed`. @defaultValue 2 */
  readonly crashRetries?: number
}
