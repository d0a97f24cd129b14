import type { CapsuleError, Clock, Logger } from '@capsule/core'
import { capabilityErrors } from './errors.ts'
import type { AuditRecord, CallOutcome, DecisionOutcome } from './audit-record.ts'
import { type AuditTrail, summaryOf } from './audit-trail.ts'
import type { CapabilityCall } from './capability-call.ts'
import { capabilityLimits } from '@capsule/protocol'
import type { Redactor } from './redactor.ts'
import type { CapabilityRequest } from './session-capabilities.ts'

interface CallJournalParts {
  readonly audit: AuditTrail
  readonly clock: Clock
  readonly logger: Logger
  readonly redactor: Redactor
}

// unit: UTF-16 units
const summaryLength = 500

/** Tells the audit what became of each call. */
export class CallJournal {
  readonly #parts: CallJournalParts
  inputBytes = 0
  outputBytes = 0

  constructor(parts: CallJournalParts) {
    this.#parts = parts
  }

  decided(call: CapabilityCall, outcome: DecisionOutcome, error?: CapsuleError): void {
    const { audit, clock } = this.#parts
    if (outcome !== 'allowed' && outcome !== 'approved') this.inputBytes += call.inputBytes
    if (!audit.isRead) return audit.countDecision(outcome)
    audit.record({
      ...this.#factsOf(call),
      type: 'decision',
      durationMs: clock.now() - call.startedAtMs,
      outcome,
      error,
      detail: call.detail,
    })
    // why a person said yes is no detail of how the call went
    call.detail = undefined
  }

  ended(call: CapabilityCall, outcome: CallOutcome, error: CapsuleError | undefined, durationMs: number): void {
    const { audit, logger } = this.#parts
    this.inputBytes += call.inputBytes
    this.outputBytes += call.outputBytes
    if (error !== undefined && capabilityErrors.CAPABILITY_FAILED.is(error)) {
      const { executionId, callId } = call.request
      logger.warn('a handler failed', { capability: call.plan.name, executionId, callId, detail: call.detail })
    }
    if (!audit.isRead) return audit.countOutcome(outcome)
    const { annotations, detail } = call
    audit.record({ ...this.#factsOf(call), type: 'call', durationMs, outcome, error, detail, annotations })
  }

  /** Its handler gave a result after the call had ended. */
  late(call: CapabilityCall): void {
    const { audit, clock } = this.#parts
    if (!audit.isRead) return audit.countOutcome('late')
    const { annotations } = call
    const durationMs = clock.now() - call.startedAtMs
    audit.record({ ...this.#factsOf(call), type: 'late-result', durationMs, outcome: 'late', annotations })
  }

  /** Nobody has such a capability. */
  unknown({ executionId, callId, capability, args }: CapabilityRequest, error: CapsuleError): void {
    this.inputBytes += args.length
    this.#parts.audit.record({
      type: 'decision',
      executionId,
      callId,
      capability: capability.slice(0, capabilityLimits.nameLength),
      decision: 'deny',
      summary: '',
      inputBytes: args.length,
      durationMs: 0,
      outcome: 'refused',
      error,
    })
  }

  summaryOf(call: CapabilityCall): string {
    // there is no input before it was checked
    if (call.summary === '' && call.input !== undefined) {
      const { capability } = call.plan
      const { redactor } = this.#parts
      call.summary =
        summaryOf(() => capability.describeCall(call.input), redactor, summaryLength) ||
        summaryOf(() => capability.summary, redactor, summaryLength)
    }
    return call.summary
  }

  #factsOf(call: CapabilityCall): Facts {
    const { request, plan, rule, ruleId, inputBytes, outputBytes } = call
    const { executionId, callId } = request
    return {
      executionId,
      callId,
      capability: plan.name,
      rule: ruleId,
      decision: rule?.effect ?? 'deny',
      summary: this.summaryOf(call),
      inputBytes,
      outputBytes,
    }
  }
}

type Facts = Pick<
  AuditRecord,
  'executionId' | 'callId' | 'capability' | 'rule' | 'decision' | 'summary' | 'inputBytes' | 'outputBytes'
>
