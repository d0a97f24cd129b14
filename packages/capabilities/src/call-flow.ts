import { type CapabilityLimits, type CapsuleError, type Clock, coreErrors, type Logger } from '@capsule/core'
import { capabilityLimits } from '@capsule/protocol'
import { errorAnswer } from './answer-error.ts'
import type { Approvals } from './approvals.ts'
import type { DecisionOutcome } from './audit-record.ts'
import type { BrokerLimits } from './broker-limits.ts'
import type { BudgetAccount } from './budget-account.ts'
import { admitCall } from './call-admission.ts'
import type { CallJournal } from './call-journal.ts'
import { CallRun, type CallRunParts } from './call-run.ts'
import type { CallTracker } from './call-tracker.ts'
import { CapabilityCall } from './capability-call.ts'
import { capabilityErrors } from './errors.ts'
import type { Grants } from './grants.ts'
import { leaveBody } from './metered-body.ts'
import type { PolicyRule } from './policy-rule.ts'
import type { Redactor } from './redactor.ts'
import type { RememberedAnswers } from './remembered-answers.ts'
import type { RuleUsage } from './rule-usage.ts'
import type { CapabilityAnswer, CapabilityPorts, CapabilityRequest } from './session-capabilities.ts'
import { Turns } from './turns.ts'

interface CallFlowParts {
  readonly sessionId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly redactor: Redactor
  readonly journal: CallJournal
  readonly approvals: Approvals
  readonly remembered: RememberedAnswers
  readonly usage: RuleUsage
  readonly tracker: CallTracker
  readonly limits: BrokerLimits
}

/** The way of a call once it is there: admitted, within budget, approved, in turn, made, answered. */
export class CallFlow {
  readonly #parts: CallFlowParts
  readonly #runParts: CallRunParts
  readonly #turns = new Turns()
  #lateHandlers = 0

  constructor(parts: CallFlowParts) {
    this.#parts = parts
    const { sessionId, clock, logger, redactor, tracker, journal, limits } = parts
    this.#runParts = {
      sessionId,
      clock,
      logger,
      redactor,
      valueBytes: limits.valueBytes,
      onEnd: (call, outcome, error, ranMs) => {
        tracker.remove(call)
        call.stopDeadline()
        journal.ended(call, outcome, error, ranMs)
      },
      onFree: (call) => this.#leaveTurn(call),
      onLate: (call) => this.#holdTurn(call),
    }
  }

  get waiting(): number {
    return this.#turns.waiting
  }

  get lateHandlers(): number {
    return this.#lateHandlers
  }

  async call(request: CapabilityRequest, ports: CapabilityPorts, grants: Grants): Promise<CapabilityAnswer> {
    const { clock, tracker, limits } = this.#parts
    const plan = grants.find(request.capability)
    if (plan === undefined) return this.#refuseUnknown(request)
    const call = new CapabilityCall(request, ports, plan, clock.now())
    const refusal = admitCall(call, { grants, tracker, limits })
    if (refusal !== undefined) return this.#refuse(call, refusal)
    tracker.add(call)
    return request.idempotencyKey === undefined ? this.#make(call) : this.#makeOnce(call, request.idempotencyKey)
  }

  /** Makes the first call with a key; its retries get the answer of that, or wait for it. */
  async #makeOnce(call: CapabilityCall, key: string): Promise<CapabilityAnswer> {
    const { remembered, clock } = this.#parts
    const { name: capability } = call.plan
    for (;;) {
      const claim = remembered.claim(key, capability, call.request.args)
      switch (claim.kind) {
        case 'first':
          return this.#makeFirst(call, key)
        case 'answered':
          return this.#replay(call, claim.answer)
        case 'conflict':
          return this.#refuse(call, capabilityErrors.CAPABILITY_KEY_CONFLICT({ capability, key, first: claim.first }))
        case 'not-repeatable': {
          const { part } = claim
          return this.#refuse(call, capabilityErrors.CAPABILITY_NOT_REPEATABLE({ capability, key, part }))
        }
        case 'under-way': {
          call.startDeadline(clock)
          const aborted = await call.wait((settle) => {
            void claim.ended.then(() => settle(undefined))
            return () => {}
          })
          call.stopDeadline()
          if (aborted !== undefined) return this.#refuse(call, aborted)
        }
      }
    }
  }

  async #makeFirst(call: CapabilityCall, key: string): Promise<CapabilityAnswer> {
    const { remembered } = this.#parts
    try {
      const answer = await this.#make(call)
      if (call.isFinal) remembered.settle(key, answer, unrepeatablePart(call, answer))
      return answer
    } finally {
      // one that was not made, or was cut off, can be made again
      if (!call.isFinal) remembered.forget(key)
    }
  }

  async #make(call: CapabilityCall): Promise<CapabilityAnswer> {
    const { usage, clock, approvals, journal } = this.#parts
    const { plan, request } = call
    const rule = call.rule as PolicyRule
    const { executionId } = request
    call.accounts = usage.accountsOf(rule, executionId)
    const overrun = takeCall(call.accounts, { capability: plan.name, rule, inputBytes: request.args.length })
    if (overrun !== undefined) return this.#refuse(call, overrun)
    if (rule.effect === 'approve') {
      const denied = await approvals.ask(call, rule, journal.summaryOf(call))
      if (denied !== undefined) return this.#refuse(call, denied)
    }
    call.startDeadline(clock)
    const { gates, lane } = usage.gatesOf(plan, rule, executionId)
    if (!this.#turns.tryEnter(gates)) {
      const aborted = await call.wait((settle) =>
        this.#turns.enter(lane, gates, () => {
          call.gates = gates
          settle(undefined)
        }),
      )
      if (aborted !== undefined) return this.#refuse(call, aborted)
    }
    call.gates = gates
    // between its turn and now
    if (call.aborted !== undefined) return this.#refuse(call, call.aborted)
    journal.decided(call, rule.effect === 'approve' ? 'approved' : 'allowed')
    return new CallRun(call, limitsOf(call, rule), this.#runParts).start()
  }

  #replay(call: CapabilityCall, answer: CapabilityAnswer): CapabilityAnswer {
    this.#parts.tracker.remove(call)
    if (call.request.body !== undefined) leaveBody(call.request.body)
    this.#parts.journal.decided(call, 'replayed')
    return answer
  }

  /** It is not made. */
  #refuse(call: CapabilityCall, error: CapsuleError): CapabilityAnswer {
    const { tracker, redactor, journal } = this.#parts
    this.#leaveTurn(call)
    tracker.remove(call)
    call.stopDeadline()
    if (call.request.body !== undefined) leaveBody(call.request.body)
    journal.decided(call, outcomeOfRefusal(error), error)
    return errorAnswer(error, redactor)
  }

  #refuseUnknown(request: CapabilityRequest): CapabilityAnswer {
    const { journal, redactor } = this.#parts
    const error = capabilityErrors.CAPABILITY_UNKNOWN({
      capability: request.capability.slice(0, capabilityLimits.nameLength),
    })
    if (request.body !== undefined) leaveBody(request.body)
    journal.unknown(request, error)
    return errorAnswer(error, redactor)
  }

  #leaveTurn(call: CapabilityCall): void {
    const { gates } = call
    if (gates.length === 0) return
    call.gates = []
    this.#turns.leave(gates)
  }

  /** A handler that does not end keeps its place for a while, so that not many of them run at once; and not for ever. */
  #holdTurn(call: CapabilityCall): (hasResult: boolean) => void {
    const { clock, limits, logger, journal } = this.#parts
    const { lateHandlerMs } = limits
    this.#lateHandlers++
    const timer = clock.setTimer(lateHandlerMs, () => {
      const { executionId, callId } = call.request
      logger.warn('a handler still runs after its call', {
        capability: call.plan.name,
        executionId,
        callId,
        lateHandlerMs,
      })
      this.#leaveTurn(call)
    })
    return (hasResult) => {
      this.#lateHandlers--
      timer.cancel()
      if (hasResult) journal.late(call)
    }
  }
}

interface Taken {
  readonly capability: string
  readonly rule: PolicyRule
  readonly inputBytes: number
}

/** One call out of each account, or out of none. */
export function takeCall(
  accounts: readonly BudgetAccount[],
  { capability, rule, inputBytes }: Taken,
): CapsuleError | undefined {
  for (const account of accounts) {
    const overrun = account.findOverrun(inputBytes)
    if (overrun === undefined) continue
    return capabilityErrors.CAPABILITY_BUDGET_EXCEEDED({ capability, rule: rule.id, ...overrun })
  }
  for (const account of accounts) account.takeCall(inputBytes)
  return undefined
}

/** The smallest of what the capability, the rule, its budgets and the cell say. */
function limitsOf({ plan, request }: CapabilityCall, rule: PolicyRule): CapabilityLimits {
  const { limits } = plan
  if (rule.limits === undefined && request.timeoutMs === undefined) return limits
  const { timeoutMs = Infinity, inputBytes: input = Infinity, outputBytes = Infinity } = rule.limits?.perCall ?? {}
  return {
    timeoutMs: Math.min(limits.timeoutMs, timeoutMs, request.timeoutMs ?? Infinity),
    inputBytes: Math.min(limits.inputBytes, input),
    outputBytes: Math.min(limits.outputBytes, outputBytes),
    concurrent: limits.concurrent,
  }
}

function unrepeatablePart({ request }: CapabilityCall, answer: CapabilityAnswer): string | undefined {
  if (request.body !== undefined) return 'streamed input'
  return answer.kind === 'value' && answer.body !== undefined ? 'streamed body' : undefined
}

function outcomeOfRefusal(error: CapsuleError): DecisionOutcome {
  if (coreErrors.CANCELLED.is(error)) return 'cancelled'
  const { CAPABILITY_DENIED, APPROVAL_DENIED, APPROVAL_TIMED_OUT } = capabilityErrors
  const isDenied = [CAPABILITY_DENIED, APPROVAL_DENIED, APPROVAL_TIMED_OUT].some((row) => row.is(error))
  return isDenied ? 'denied' : 'refused'
}
