import type { Clock, CapsuleError, IdSource } from '@capsule/core'
import { capabilityErrors } from './errors.ts'
import type { CapabilityCall } from './capability-call.ts'
import type { ApprovalScope, PolicyRule } from './policy-rule.ts'
import type { ApprovalDecision, ApprovalRequest } from './session-capabilities.ts'

interface ApprovalParts {
  readonly clock: Clock
  readonly ids: IdSource
  readonly limit: number
}

interface Decided {
  readonly isApproved: boolean
  readonly reason: string
}

interface Asking {
  readonly key: string
  readonly executionId: string
  readonly decide: (decided: Decided) => void
  /** The policy has changed since: what is decided holds for this call only. */
  isStale: boolean
}

interface Question {
  readonly call: CapabilityCall
  readonly rule: PolicyRule
  readonly key: string
  readonly summary: string
  readonly settle: (error: CapsuleError | undefined) => void
}

const scopes: readonly ApprovalScope[] = ['call', 'execution', 'session']

/** Asks people, and remembers what they said for as long as they and the rule want. */
export class Approvals {
  readonly #parts: ApprovalParts
  readonly #ofSession = new Map<string, Decided>()
  readonly #ofExecutions = new Map<string, Map<string, Decided>>()
  readonly #asking = new Set<Asking>()

  constructor(parts: ApprovalParts) {
    this.#parts = parts
  }

  get pending(): number {
    return this.#asking.size
  }

  /** Undefined: approved. */
  async ask(call: CapabilityCall, rule: PolicyRule, summary: string): Promise<CapsuleError | undefined> {
    const { executionId } = call.request
    const key = `${rule.id}\n${call.plan.name}`
    const known = this.#ofSession.get(key) ?? this.#ofExecutions.get(executionId)?.get(key)
    if (known !== undefined) return answer(call, rule, known)
    const { limit } = this.#parts
    const { name: capability } = call.plan
    if (this.#asking.size >= limit) {
      return capabilityErrors.CAPABILITY_OVERLOADED({ capability, limit: 'pendingApprovals', allowed: limit })
    }
    return call.wait((settle) => this.#begin({ call, rule, key, summary, settle }))
  }

  forgetExecution(executionId: string): void {
    this.#ofExecutions.delete(executionId)
  }

  forgetAll(): void {
    this.#ofSession.clear()
    this.#ofExecutions.clear()
    for (const asking of this.#asking) asking.isStale = true
  }

  #begin({ call, rule, key, summary, settle }: Question): () => void {
    const { clock } = this.#parts
    const { executionId } = call.request
    const timeoutMs = rule.approve?.timeoutMs
    const controller = new AbortController()
    const decide = (decided: Decided): void => settle(answer(call, rule, decided))
    const asking: Asking = { key, executionId, decide, isStale: false }
    this.#asking.add(asking)
    const expire = (): void =>
      settle(
        capabilityErrors.APPROVAL_TIMED_OUT({ capability: call.plan.name, rule: rule.id, timeoutMs: timeoutMs ?? 0 }),
      )
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(timeoutMs, expire)
    const request = this.#requestOf(call, rule, summary)
    // async, so that what is thrown at once is a rejection too
    const ask = async (): Promise<unknown> => call.ports.approve(request, controller.signal)
    void ask().then(
      (decision) => {
        if (this.#asking.has(asking)) this.#decided(rule, asking, decision)
      },
      () => asking.decide({ isApproved: false, reason: 'the host could not ask' }),
    )
    return () => {
      this.#asking.delete(asking)
      timer?.cancel()
      controller.abort()
    }
  }

  #requestOf(call: CapabilityCall, rule: PolicyRule, summary: string): ApprovalRequest {
    const { timeoutMs, remember = 'call' } = rule.approve ?? {}
    return {
      approvalId: this.#parts.ids.next('approval'),
      executionId: call.request.executionId,
      callId: call.request.callId,
      capability: call.plan.name,
      summary,
      rule: rule.id,
      effect: call.plan.capability.effect,
      ...(timeoutMs !== undefined && { timeoutMs }),
      remember,
    }
  }

  #decided(rule: PolicyRule, asking: Asking, given: unknown): void {
    const { decision, reason, remember } = (typeof given === 'object' && given !== null ? given : {}) as Partial<
      Record<keyof ApprovalDecision, unknown>
    >
    const isApproved = decision === 'approve'
    const text = typeof reason === 'string' && reason !== '' ? reason : 'no reason was given'
    const decided = { isApproved, reason: decision === 'approve' || decision === 'deny' ? text : 'no valid decision' }
    const longest = rule.approve?.remember ?? 'call'
    const wanted = scopes.find((scope) => scope === remember) ?? (isApproved ? longest : 'call')
    const scope = scopes[Math.min(scopes.indexOf(wanted), scopes.indexOf(longest))] as ApprovalScope
    this.#remember(asking, scope, decided)
    asking.decide(decided)
  }

  /** Answers those who ask the same thing meanwhile, too. */
  #remember({ key, executionId, isStale }: Asking, scope: ApprovalScope, decided: Decided): void {
    if (scope === 'call' || isStale) return
    if (scope === 'session') this.#ofSession.set(key, decided)
    else {
      const ofExecution = this.#ofExecutions.get(executionId) ?? new Map<string, Decided>()
      ofExecution.set(key, decided)
      this.#ofExecutions.set(executionId, ofExecution)
    }
    for (const other of this.#asking) {
      const isSame = other.key === key && (scope === 'session' || other.executionId === executionId)
      if (isSame && !other.isStale) other.decide(decided)
    }
  }
}

function answer(call: CapabilityCall, rule: PolicyRule, { isApproved, reason }: Decided): CapsuleError | undefined {
  call.detail = reason
  if (isApproved) return undefined
  return capabilityErrors.APPROVAL_DENIED({ capability: call.plan.name, rule: rule.id, reason })
}
