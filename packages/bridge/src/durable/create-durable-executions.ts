import { hash } from 'node:crypto'
import type { Outcome, Session } from '@capsule/session'
import * as z from 'zod'
import type { AnsweredInput, BridgedOutcome } from '../bridge.ts'
import type { BridgeInfo } from '../bridge-figures.ts'
import { checked } from '../checked.ts'
import { bridgeErrors } from '../errors.ts'
import type { DurableRecord } from '../stores/durable-promise-store.ts'
import { type Attempt, Attempts } from './attempts.ts'
import { driveCell } from './drive-cell.ts'
import type {
  CreateDurableExecutionsOptions,
  DurableExecuteOptions,
  DurableExecutions,
  DurableResult,
} from './durable-executions.ts'
import { durableGrants } from './durable-grants.ts'
import { putAway } from './put-away.ts'

const callback = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', 'must be a function')
const object = z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be an object')

const createSchema = z.strictObject({
  bridge: object,
  openSession: callback,
  leaseMs: z.number().positive().default(30_000),
  crashRetries: z.number().int().nonnegative().default(2),
})
const executeSchema = z.strictObject({
  id: z.string(),
  code: z.string(),
  timeoutMs: z.number().positive().optional(),
  onInput: callback.optional(),
  onApproval: callback.optional(),
  onEvent: callback.optional(),
  signal: z.custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal').optional(),
  session: object.optional(),
})

// unit: ms; from the time limit of the cell to the one of its promise, so that a `timed-out` outcome is what is recorded
const stopMs = 10_000

/** @throws INVALID_OPTIONS */
export function createDurableExecutions(options: CreateDurableExecutionsOptions): DurableExecutions {
  const { leaseMs, crashRetries } = checked('createDurableExecutions()', createSchema.safeParse(options))
  return new HostDurableExecutions({ ...options, leaseMs, crashRetries })
}

class HostDurableExecutions implements DurableExecutions {
  readonly #options: Required<CreateDurableExecutionsOptions>
  readonly #attempts: Attempts
  /** Goes on after a call was answered: sessions that end, records that are put away. */
  readonly #aftermath = new Set<Promise<unknown>>()

  constructor(options: Required<CreateDurableExecutionsOptions>) {
    this.#options = options
    this.#attempts = new Attempts(options.bridge, options.leaseMs)
  }

  async execute(options: DurableExecuteOptions): Promise<DurableResult> {
    checked('durable.execute()', executeSchema.safeParse(options))
    const { id, code, signal } = options
    const { bridge } = this.#options
    const { timeoutMs = bridge.promiseTimeoutMs } = options
    const run = new DurableRun({ ...this.#options, attempts: this.#attempts, execution: options }, (work) =>
      this.#goOnWith(work),
    )
    const { outcome, attempt } = await bridge.execute(
      {
        key: id,
        fingerprint: hash('sha256', code),
        timeoutMs: timeoutMs + stopMs,
        claim: ({ record }, stop) => run.claim(record, stop),
        send: (stop) => run.send(stop),
        // another attempt, here or elsewhere, may do better; but not when the time is over
        isRetriable: (error) => !bridgeErrors.PROMISE_TIMED_OUT.is(error) && !bridgeErrors.VALUE_NOT_RECORDED.is(error),
        onSettled: () => run.settled(),
        onEnded: () => run.ended(),
      },
      { signal },
    )
    return { id, outcome, attempt, replayed: !run.hasRun(attempt) }
  }

  async answerInput(id: string, n: number, answer: string | null): Promise<AnsweredInput> {
    const schema = z.strictObject({ n: z.number().int().positive(), answer: z.string().nullable() })
    checked('durable.answerInput()', schema.safeParse({ n, answer }))
    return this.#options.bridge.answerInput(id, n, answer)
  }

  cancel(id: string, options?: { reason?: string }): Promise<boolean> {
    return this.#options.bridge.cancel(id, options)
  }

  info(): BridgeInfo {
    return this.#options.bridge.info()
  }

  async close(): Promise<void> {
    while (this.#aftermath.size > 0) await Promise.allSettled(this.#aftermath)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #goOnWith(work: Promise<unknown>): void {
    const { logger } = this.#options.bridge
    const done = work
      .catch((error: unknown) => logger.warn('after a durable execution', { error }))
      .finally(() => this.#aftermath.delete(done))
    this.#aftermath.add(done)
  }
}

interface DurableRunOptions extends Required<CreateDurableExecutionsOptions> {
  readonly attempts: Attempts
  readonly execution: DurableExecuteOptions
}

/** The attempts that one call makes. */
class DurableRun {
  readonly #options: DurableRunOptions
  readonly #goOnWith: (work: Promise<unknown>) => void
  readonly #made = new Set<number>()
  /** Promises of questions and calls that may have no record. */
  readonly #unrecorded = new Set<string>()
  #record: DurableRecord | undefined
  #attempt: Attempt | undefined
  #crashes = 0

  constructor(options: DurableRunOptions, goOnWith: (work: Promise<unknown>) => void) {
    this.#options = options
    this.#goOnWith = goOnWith
  }

  hasRun(attempt: number): boolean {
    return this.#made.has(attempt)
  }

  /** Waits until it may. */
  async claim(record: DurableRecord, signal: AbortSignal): Promise<boolean> {
    this.#record = record
    const attempt = await this.#options.attempts.claim(this.#options.execution.id, record, signal)
    this.#attempt = attempt ?? this.#attempt
    return attempt !== undefined
  }

  async send(stop: AbortSignal): Promise<BridgedOutcome> {
    const over = new AbortController()
    const signal = AbortSignal.any([stop, over.signal])
    try {
      for (;;) {
        const attempt = this.#attempt as Attempt
        const outcome = await this.#try(attempt, signal)
        const isFinal = outcome.status !== 'crashed' || this.#crashes++ >= this.#options.crashRetries
        if (isFinal) return { outcome, attempt: attempt.n }
        this.ended()
        const mayRun = await this.claim(this.#record as DurableRecord, signal)
        if (!mayRun) throw bridgeErrors.LEASE_LOST({ id: this.#options.execution.id, attempt: attempt.n })
      }
    } finally {
      // questions that the cell has left open
      over.abort()
    }
  }

  /** By whomever. */
  settled(): void {
    const { execution, attempts, bridge } = this.#options
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#goOnWith(attempts.forget(execution.id, attempt))
    for (const id of this.#unrecorded) this.#goOnWith(putAway(bridge, id))
  }

  /** This host does not run it any more. */
  ended(): void {
    const lease = this.#attempt?.lease
    if (lease !== undefined) this.#goOnWith(lease.release())
  }

  /** @throws LEASE_LOST, EXECUTION_STOPPED, PROMISE_TIMED_OUT */
  async #try(attempt: Attempt, stop: AbortSignal): Promise<Outcome> {
    const { id } = this.#options.execution
    const { lease, n } = attempt
    const signal = lease === undefined ? stop : AbortSignal.any([stop, lease.lost])
    this.#made.add(n)
    const lost = (): unknown => lease?.lost.reason
    try {
      const outcome = await this.#run(attempt, { signal, stop })
      // a cell that is stopped may catch that and end with something else than it would have come to
      if (outcome.status !== 'cancelled' && !signal.aborted) return outcome
    } catch (error) {
      throw lost() ?? error
    }
    // it was stopped, not by the cell and not for good
    throw lost() ?? bridgeErrors.EXECUTION_STOPPED({ id, attempt: n })
  }

  async #run(attempt: Attempt, signals: { signal: AbortSignal; stop: AbortSignal }): Promise<Outcome> {
    const session = await this.#open(attempt, signals.signal)
    const ended = Promise.withResolvers<void>()
    this.#goOnWith(ended.promise)
    try {
      return await this.#drive(session, attempt, signals)
    } finally {
      // the outcome is recorded meanwhile
      session.shutdown().then(ended.resolve, ended.reject)
    }
  }

  #open({ n }: Attempt, signal: AbortSignal): Promise<Session> {
    const { openSession, bridge, execution } = this.#options
    const { id, session: options = {} } = execution
    const timeoutMs = this.#leftMs()
    return openSession({
      id,
      attempt: n,
      options,
      env: { CAPSULE_DURABLE_ID: id, CAPSULE_DURABLE_ATTEMPT: `${n}` },
      guard: (grants) =>
        durableGrants({ bridge, key: id, timeoutMs: timeoutMs + stopMs, grants, unrecorded: this.#unrecorded }),
      signal,
    })
  }

  #drive(
    session: Session,
    { n: attempt }: Attempt,
    { signal, stop }: { signal: AbortSignal; stop: AbortSignal },
  ): Promise<Outcome> {
    const { id, code, onInput, onEvent, onApproval } = this.#options.execution
    const { bridge } = this.#options
    const timeoutMs = this.#leftMs()
    return driveCell(
      session,
      { code, options: { timeoutMs, signal } },
      {
        onEvent: (event) => onEvent?.(event, attempt),
        onApproval,
        onInput: async (prompt, { n, secret }) => {
          const ask = onInput && (async (unwanted: AbortSignal) => onInput(prompt, { id, n, secret, signal: unwanted }))
          const question = { key: id, n, prompt, ask, timeoutMs: timeoutMs + stopMs, takeOver: true }
          // it stays asked when the worker dies: the next attempt of this host joins it
          const promiseId = bridge.ids.input(id, n)
          this.#unrecorded.add(promiseId)
          const answer = await bridge.ask(question, { signal: stop })
          this.#unrecorded.delete(promiseId)
          return answer
        },
      },
    )
  }

  /** Of the time that the first call with the id gave. @throws PROMISE_TIMED_OUT */
  #leftMs(): number {
    const { clock, storeGraceMs } = this.#options.bridge
    const { id, createdAtMs, timeoutAtMs } = this.#record as DurableRecord
    const endMs = timeoutAtMs - storeGraceMs - stopMs
    const leftMs = endMs - clock.wallTimeMs()
    if (leftMs <= 0) throw bridgeErrors.PROMISE_TIMED_OUT({ id, timeoutMs: endMs - createdAtMs })
    return leftMs
  }
}
