/** What a decision came to. `denied` is by a rule or a person, `refused` by anything else; `code` tells. */
export type DecisionOutcome = 'allowed' | 'approved' | 'denied' | 'refused' | 'replayed' | 'cancelled'
/** `late`: a handler gave a result after its call had ended; nobody got it. */
export type CallOutcome = 'ok' | 'failed' | 'cancelled' | 'timed-out' | 'revoked' | 'late'

/** One line of the audit: `decision`, one per call; `call`, one per end of a call that was made; `late-result`. */
export interface AuditRecord {
  readonly type: 'decision' | 'call' | 'late-result'
  /** ISO 8601, UTC. */
  readonly at: string
  readonly sessionId: string
  readonly executionId: string
  readonly callId: string
  readonly capability: string
  /** The id of the rule that decided, `default` or `revoked`; absent when the call was refused before the rules. */
  readonly rule?: string | undefined
  readonly decision: 'allow' | 'deny' | 'approve'
  /** What was asked for, in one line without secrets; empty when the arguments could not be read. */
  readonly summary: string
  readonly inputBytes: number
  readonly outputBytes: number
  /** Of a decision: until it was made. Of a call: how long it ran, with its body. */
  readonly durationMs: number
  readonly outcome: DecisionOutcome | CallOutcome
  /** Of the error that the cell got. */
  readonly code?: string | undefined
  /** What the host may know and the cell may not: what a handler threw, or why a person decided so. */
  readonly detail?: string | undefined
  /** What the handler added with `context.annotate`. */
  readonly annotations: Readonly<Record<string, string | number | boolean>>
}

/** Where records go. What it throws is logged once and breaks no call. */
export interface AuditSink {
  /** Called in the path of calls: it must not wait. */
  record(record: AuditRecord): void
  /** Writes what it still holds. */
  [Symbol.asyncDispose]?(): Promise<void>
}
