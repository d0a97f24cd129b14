import type { AbortOptions, Clock, IdSource, Logger } from '@capsule/core'
import type { CapabilityAnswer, Outcome } from '@capsule/session'
import type { BridgeInfo } from './bridge-figures.ts'
import type { FoundPromise } from './correlation.ts'
import type { PromiseIds } from './promise-ids.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'

export interface CreateBridgeOptions {
  /** Yours to close. One that is not `shared` belongs to one bridge at a time. */
  readonly store: DurablePromiseStore
  /** Keeps apart what several applications or tenants have in one store. `[A-Za-z0-9_-]{1,128}`, without `-exec-`. @defaultValue 'capsule' */
  readonly namespace?: string
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
  /** Names this bridge in the store: of several processes with one store each needs a source whose ids no other gives. @defaultValue random ones */
  readonly ids?: IdSource
  /** Promises that may be waited for here at a time; beyond it BRIDGE_OVERLOADED. @defaultValue 10_000 */
  readonly maxPending?: number
  /** What is remembered of settled promises; the store has its own retention. */
  readonly retention?: {
    /** @defaultValue 1000 */
    readonly entries?: number
    /** Of their encoded values together. @defaultValue 16 MiB */
    readonly bytes?: number
    /** @defaultValue 600_000 */
    readonly ttlMs?: number
  }
  /** Of promises that are given no time limit of their own. @defaultValue 7 days */
  readonly promiseTimeoutMs?: number
  /** From the deadline here to the store's own, so that the one with details is recorded. @defaultValue 5000 */
  readonly storeGraceMs?: number
  /** How long a call of a store that is unavailable is tried again. @defaultValue 30_000 */
  readonly storeRetryMs?: number
  /** Of one outcome, answer or reply as it is recorded. @defaultValue 8 MiB */
  readonly maxValueBytes?: number
}

/** An outcome, and the attempt that came to it: more than 1 when hosts or workers were lost before. */
export interface BridgedOutcome {
  readonly outcome: Outcome
  readonly attempt: number
}

export interface BridgedExecution {
  /** `[A-Za-z0-9_-]{1,128}`: the same key is the same execution. @throws KEY_INVALID */
  readonly key: string
  /** Of what is to be done, for EXECUTION_CONFLICT. */
  readonly fingerprint: string
  /** From the first creation on, across hosts. @defaultValue the bridge's `promiseTimeoutMs` */
  readonly timeoutMs?: number | undefined
  /** Whether this host is to send. @defaultValue when it made the promise: it never sends again what was made before */
  readonly claim?: (found: FoundPromise, signal: AbortSignal) => Promise<boolean>
  /**
   * Runs it. What it rejects with is recorded, unless `isRetriable` says that another try may do better. With no `claim` it is called
   * once: what was left, or could not be recorded, this host waits for like every other.
   */
  readonly send: (signal: AbortSignal) => Promise<BridgedOutcome>
  readonly isRetriable?: (error: unknown) => boolean
  /** It is settled in the store, by whomever. */
  readonly onSettled?: () => void
  /** Nothing of it goes on here any more. */
  readonly onEnded?: () => void
}

/** The n-th question of an execution. */
export interface BridgedInput {
  readonly key: string
  /** From 1. */
  readonly n: number
  readonly prompt: string
  readonly timeoutMs?: number | undefined
  /** Asks; without it the answer comes by `answerInput()`. `null`: end of input. */
  readonly ask?: ((signal: AbortSignal) => Promise<string | null>) | undefined
  /** Who asked before is gone, so it may be asked again as long as no answer is recorded. @defaultValue false */
  readonly takeOver?: boolean
}

/** A capability call with an idempotency key. */
export interface BridgedCall {
  readonly key: string
  readonly callKey: string
  readonly capability: string
  /** The encoded arguments. */
  readonly args: Uint8Array
  readonly timeoutMs?: number | undefined
  readonly send: (signal: AbortSignal) => Promise<CapabilityAnswer>
  /** As of `BridgedExecution`. */
  readonly isRetriable?: (error: unknown) => boolean
  /** Who made it before is gone, so it may be made again as long as no reply is recorded. @defaultValue false */
  readonly takeOver?: boolean
}

export interface AnsweredInput {
  /** This very call answered it. */
  readonly applied: boolean
  /** What is recorded. */
  readonly answer: string | null
}

export interface CloseBridgeOptions {
  /** Told by BRIDGE_CLOSED. */
  readonly reason?: string
  /** How long what is pending may still settle. @defaultValue 0 */
  readonly drainMs?: number
}

/**
 * Correlates executions, their questions and their calls with durable promises. Of all calls with one key in one process
 * one sends, at most once; all are told the same.
 * Each caller is given a value of its own. Calls reject with INVALID_OPTIONS, BRIDGE_CLOSED, BRIDGE_OVERLOADED, KEY_INVALID, CANCELLED, PROMISE_TIMED_OUT, PROMISE_CANCELLED, SEND_FAILED,
 * VALUE_NOT_RECORDED, OUTCOME_NOT_SAVED, RECORD_MALFORMED, and what the store rejects with.
 */
export interface Bridge extends AsyncDisposable {
  readonly namespace: string
  readonly ids: PromiseIds
  readonly clock: Clock
  readonly logger: Logger
  /** Names this bridge among all that use the store, before and after it. */
  readonly incarnation: string
  /** The store, with calls of it tried again while it is unavailable. */
  readonly store: DurablePromiseStore
  readonly promiseTimeoutMs: number
  readonly storeGraceMs: number
  readonly maxValueBytes: number
  /** @throws EXECUTION_CONFLICT */
  execute(execution: BridgedExecution, options?: AbortOptions): Promise<BridgedOutcome>
  /** @throws REPLAY_DIVERGED */
  ask(input: BridgedInput, options?: AbortOptions): Promise<string | null>
  /** @throws CALL_CONFLICT */
  call(call: BridgedCall, options?: AbortOptions): Promise<CapabilityAnswer>
  /** Answers a question that was asked, on whichever host. The first answer counts. @throws INPUT_NOT_ASKED, PROMISE_CANCELLED when its execution is over */
  answerInput(key: string, n: number, answer: string | null): Promise<AnsweredInput>
  /** Records that the execution is cancelled; whoever runs it stops it. `false`: it was settled, or there is none. */
  cancel(key: string, options?: { reason?: string }): Promise<boolean>
  /** Cancels all that is pending here, and records that. Idempotent. */
  cancelAll(options?: { reason?: string }): Promise<void>
  /** Nothing is pending afterwards; what the store has pending can be gone on with by another host. Idempotent: the first call counts. */
  close(options?: CloseBridgeOptions): Promise<void>
  info(): BridgeInfo
  /** Of durable executions over this bridge. */
  count(event: 'takenOver' | 'leasesLost'): void
}
