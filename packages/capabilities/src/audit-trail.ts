import type { CapsuleError, Clock, Logger } from '@capsule/core'
import type { AuditRecord, AuditSink, CallOutcome, DecisionOutcome } from './audit-record.ts'
import { readableText } from './readable-text.ts'
import type { Redactor } from './redactor.ts'

interface AuditTrailParts {
  readonly sink: AuditSink | undefined
  readonly sessionId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly redactor: Redactor
}

type Entry = Omit<AuditRecord, 'at' | 'sessionId' | 'outputBytes' | 'annotations' | 'code'> & {
  readonly outputBytes?: number
  readonly annotations?: AuditRecord['annotations']
  readonly error?: CapsuleError | undefined
}

// unit: UTF-16 units; threat: a handler that throws a book
const detailLength = 4096
const none: AuditRecord['annotations'] = Object.freeze({})

/** Counts what happened in one session, and writes it into the sink. */
export class AuditTrail {
  readonly #parts: AuditTrailParts
  readonly decisions: Record<DecisionOutcome, number> = {
    allowed: 0,
    approved: 0,
    denied: 0,
    refused: 0,
    replayed: 0,
    cancelled: 0,
  }
  readonly outcomes: Record<CallOutcome, number> = {
    ok: 0,
    failed: 0,
    cancelled: 0,
    'timed-out': 0,
    revoked: 0,
    late: 0,
  }
  #hasFailed = false
  #atMs = Number.NaN
  #at = ''

  constructor(parts: AuditTrailParts) {
    this.#parts = parts
  }

  /** Whether anybody reads what is recorded, so that it is worth working out. */
  get isRead(): boolean {
    return this.#parts.sink !== undefined
  }

  countDecision(outcome: DecisionOutcome): void {
    this.decisions[outcome]++
  }

  countOutcome(outcome: CallOutcome): void {
    this.outcomes[outcome]++
  }

  record(entry: Entry): void {
    if (entry.type === 'decision') this.countDecision(entry.outcome as DecisionOutcome)
    else this.countOutcome(entry.outcome as CallOutcome)
    const { sink, sessionId, redactor } = this.#parts
    if (sink === undefined) return
    const { type, rule, error, detail, annotations = none } = entry
    this.#write(sink, {
      type,
      at: this.#now(),
      sessionId,
      executionId: entry.executionId,
      callId: entry.callId,
      capability: entry.capability,
      ...(rule !== undefined && { rule }),
      decision: entry.decision,
      summary: entry.summary,
      inputBytes: entry.inputBytes,
      outputBytes: entry.outputBytes ?? 0,
      durationMs: entry.durationMs,
      outcome: entry.outcome,
      ...(error !== undefined && { code: error.code }),
      ...(detail !== undefined && { detail: redactor.redact(detail, detailLength) }),
      annotations,
    })
  }

  /** One text for all records of a millisecond: making it costs more than the rest of a record. */
  #now(): string {
    const nowMs = Math.floor(this.#parts.clock.wallTimeMs())
    if (nowMs !== this.#atMs) {
      this.#atMs = nowMs
      this.#at = new Date(nowMs).toISOString()
    }
    return this.#at
  }

  #write(sink: AuditSink, record: AuditRecord): void {
    try {
      const written: unknown = sink.record(record)
      // a sink that is an async function after all
      if (written instanceof Promise) written.catch((error: unknown) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#parts.logger.error('the audit sink failed; its further failures are not logged', { error })
  }
}

/** A description by a provider, fit for people and logs. */
export function summaryOf(describe: () => unknown, redactor: Redactor, length: number): string {
  try {
    const text = describe()
    if (typeof text !== 'string') return ''
    // what is escaped is longer than it was
    const readable = readableText(redactor.redact(text, length))
    return readable.length > length ? `${readable.slice(0, length - 1)}…` : readable
  } catch {
    return ''
  }
}
