import { hash } from 'node:crypto'
import type { Clock } from '@capsule/core'
import { sessionErrors } from './errors.ts'
import { weightOf } from './event-queue.ts'
import type { CellExecution } from './execution.ts'
import type { ExecutionWitness } from './execution-ports.ts'
import type { Outcome } from './outcome.ts'
import type { ExecuteOptions, ExecutionEvent } from './session.ts'

export interface IdempotencyLimits {
  /** Settled executions remembered; beyond it the one that was asked for longest ago is forgotten. */
  readonly entries: number
  /** From the outcome on. */
  readonly ttlMs: number
  /** Recorded per execution, for `replay`. */
  readonly eventBytes: number
}

/** Hears of what comes after the moment in which it was added. */
export interface RecordFollower {
  event(event: ExecutionEvent): void
  /** The last event is in, and the outcome is known. */
  ended(): void
}

type RecordState =
  | { readonly name: 'pending'; readonly execution: CellExecution }
  | { readonly name: 'settled'; readonly outcome: Outcome; readonly untilMs: number }

/** What is known of the one execution that a key stands for. */
export class IdempotencyRecord implements ExecutionWitness {
  /** In order; only the first of them once `isTruncated`. */
  readonly events: ExecutionEvent[] = []
  isTruncated = false
  readonly followers = new Set<RecordFollower>()
  readonly fingerprint: string
  readonly executionId: string
  state: RecordState
  readonly #limits: IdempotencyLimits
  readonly #onEnded: (outcome: Outcome | undefined) => void
  #bytes = 0

  constructor(
    fingerprint: string,
    execution: CellExecution,
    limits: IdempotencyLimits,
    onEnded: (outcome: Outcome | undefined) => void,
  ) {
    this.fingerprint = fingerprint
    this.executionId = execution.executionId
    this.state = { name: 'pending', execution }
    this.#limits = limits
    this.#onEnded = onEnded
  }

  event(event: ExecutionEvent): void {
    const bytes = weightOf(event)
    this.isTruncated ||= this.#bytes + bytes > this.#limits.eventBytes
    if (!this.isTruncated) {
      this.#bytes += bytes
      this.events.push(event)
    }
    for (const follower of this.followers) follower.event(event)
  }

  ended(outcome: Outcome | undefined): void {
    this.#onEnded(outcome)
    for (const follower of this.followers) follower.ended()
    this.followers.clear()
  }
}

/**
 * Which execution each key stands for. An execution that a worker was given is remembered however it ended, so that within
 * the limits no key runs twice; one that no worker has seen is forgotten. Nothing here sets a timer.
 */
export class IdempotencyRecords {
  readonly #clock: Clock
  readonly #limits: IdempotencyLimits
  readonly #pending = new Map<string, IdempotencyRecord>()
  /** The one asked for longest ago comes first. */
  readonly #settled = new Map<string, IdempotencyRecord>()

  constructor({ clock, idempotency }: { clock: Clock; idempotency: IdempotencyLimits }) {
    this.#clock = clock
    this.#limits = idempotency
  }

  /** @throws IDEMPOTENCY_CONFLICT */
  find(idempotencyKey: string, code: string, options: ExecuteOptions): IdempotencyRecord | undefined {
    const record = this.#pending.get(idempotencyKey) ?? this.#unexpired(idempotencyKey)
    if (record === undefined || record.fingerprint === fingerprintOf(code, options)) return record
    throw sessionErrors.IDEMPOTENCY_CONFLICT({ idempotencyKey, executionId: record.executionId })
  }

  /** From now on the key stands for this execution, which has not started. */
  open(key: string, code: string, options: ExecuteOptions, execution: CellExecution): void {
    const onEnded = (outcome: Outcome | undefined): void => {
      // one that could not be sent ends twice, and the key may stand for another by then
      if (this.#pending.get(key) === record) this.#pending.delete(key)
      // rung 0: the worker dropped it before it started
      if (outcome !== undefined && outcome.cancelRung !== 0) this.#remember(key, record, outcome)
    }
    const record = new IdempotencyRecord(fingerprintOf(code, options), execution, this.#limits, onEnded)
    this.#pending.set(key, record)
    execution.witness = record
  }

  /** No key stands for anything any more. */
  clear(): void {
    this.#pending.clear()
    this.#settled.clear()
  }

  /** A worker is gone: what its cells left in the namespace is, too, and their outcomes say so from now on. */
  namespaceLost(): void {
    for (const record of this.#settled.values()) {
      const { state } = record
      if (state.name !== 'settled' || state.outcome.state === 'lost') continue
      record.state = { ...state, outcome: { ...state.outcome, state: 'lost' } }
    }
  }

  #unexpired(key: string): IdempotencyRecord | undefined {
    const record = this.#settled.get(key)
    if (record === undefined) return undefined
    this.#settled.delete(key)
    if (this.#isExpired(record)) return undefined
    this.#settled.set(key, record)
    return record
  }

  #remember(key: string, record: IdempotencyRecord, outcome: Outcome): void {
    record.state = { name: 'settled', outcome, untilMs: this.#clock.now() + this.#limits.ttlMs }
    this.#settled.set(key, record)
    for (const [oldKey, old] of this.#settled) {
      if (this.#settled.size <= this.#limits.entries && !this.#isExpired(old)) return
      this.#settled.delete(oldKey)
    }
  }

  #isExpired({ state }: IdempotencyRecord): boolean {
    return state.name === 'settled' && this.#clock.now() >= state.untilMs
  }
}

/** Two calls with the same fingerprint ask for the same work. Code can be large, so it is not kept itself. */
function fingerprintOf(code: string, options: ExecuteOptions): string {
  const { filename = null, language = 'auto', route = 'auto', storeHistory = true, transaction = null } = options
  return hash('sha256', JSON.stringify([code, filename, language, route, storeHistory, transaction]))
}
