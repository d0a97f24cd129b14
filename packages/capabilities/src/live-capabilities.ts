import { type CapsuleError, type Clock, coreErrors, type IdSource, type Logger } from '@capsule/core'
import type { CapabilityManifest } from '@capsule/protocol'
import { cancelled, errorAnswer } from './answer-error.ts'
import { Approvals } from './approvals.ts'
import type { AuditSink } from './audit-record.ts'
import { AuditTrail } from './audit-trail.ts'
import type { BrokerLimits } from './broker-limits.ts'
import { CallFlow, takeCall } from './call-flow.ts'
import { CallJournal } from './call-journal.ts'
import type { CapabilityCall } from './capability-call.ts'
import { compileCapabilityPatterns, inputCapability, isCapabilityPattern } from './capability-pattern.ts'
import type { CapabilityRegistry } from './capability-registry.ts'
import { CallTracker } from './call-tracker.ts'
import { capabilityErrors } from './errors.ts'
import type { AskedCall, Explanation } from './explanation.ts'
import { Grants } from './grants.ts'
import { leaveBody } from './metered-body.ts'
import type { PolicyRule } from './policy-rule.ts'
import { createRedactingLogger } from './redacting-logger.ts'
import { Redactor } from './redactor.ts'
import { RememberedAnswers } from './remembered-answers.ts'
import { RuleUsage } from './rule-usage.ts'
import { asPolicy, type PolicyDefinition, type SecurityPolicy } from './security-policy.ts'
import type {
  CapabilitiesInfo,
  CapabilityAnswer,
  CapabilityPorts,
  CapabilityRequest,
  SessionCapabilities,
} from './session-capabilities.ts'

export interface LiveCapabilitiesParts {
  readonly registry: CapabilityRegistry
  readonly sessionId: string
  readonly policy: SecurityPolicy
  readonly audit: AuditSink | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly ids: IdSource
  readonly limits: BrokerLimits
}

export class LiveCapabilities implements SessionCapabilities {
  readonly sessionId: string
  readonly #registry: CapabilityRegistry
  readonly #logger: Logger
  readonly #redactor: Redactor
  readonly #audit: AuditTrail
  readonly #approvals: Approvals
  readonly #remembered: RememberedAnswers
  readonly #usage: RuleUsage
  readonly #tracker = new CallTracker(({ plan }) => cancelled(plan.name))
  readonly #flow: CallFlow
  readonly #listeners = new Set<(manifest: CapabilityManifest) => void>()
  readonly #journal: CallJournal
  #grants: Grants
  #calls = 0
  #isClosed = false

  /** @throws POLICY_INVALID */
  constructor({ registry, sessionId, policy, audit, clock, logger, ids, limits }: LiveCapabilitiesParts) {
    this.sessionId = sessionId
    this.#registry = registry
    this.#grants = new Grants(policy, registry)
    this.#redactor = new Redactor(registry.providers, logger)
    this.#logger = createRedactingLogger(logger.child({ sessionId }), this.#redactor)
    this.#audit = new AuditTrail({ sink: audit, sessionId, clock, logger: this.#logger, redactor: this.#redactor })
    this.#approvals = new Approvals({ clock, ids, limit: limits.pendingApprovals })
    this.#remembered = new RememberedAnswers(clock, limits)
    this.#usage = new RuleUsage(clock)
    const shared = { clock, logger: this.#logger, redactor: this.#redactor }
    this.#journal = new CallJournal({ ...shared, audit: this.#audit })
    this.#flow = new CallFlow({
      ...shared,
      sessionId,
      journal: this.#journal,
      approvals: this.#approvals,
      remembered: this.#remembered,
      usage: this.#usage,
      tracker: this.#tracker,
      limits,
    })
  }

  get policy(): SecurityPolicy {
    return this.#grants.policy
  }

  get revoked(): readonly string[] {
    return this.#grants.revoked
  }

  get manifest(): CapabilityManifest {
    return this.#grants.manifest
  }

  get grantsInput(): boolean {
    return this.#grants.grantsInput
  }

  onManifest(listener: (manifest: CapabilityManifest) => void): () => void {
    // the same function given twice is two listeners
    const entry = (manifest: CapabilityManifest): void => listener(manifest)
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  async call(request: CapabilityRequest, ports: CapabilityPorts): Promise<CapabilityAnswer> {
    try {
      this.#calls++
      if (this.#isClosed) {
        if (request.body !== undefined) leaveBody(request.body)
        return errorAnswer(cancelled(request.capability), this.#redactor)
      }
      return await this.#flow.call(request, ports, this.#grants)
    } catch (error) {
      // nothing in the flow throws; should it, the cell must not wait for ever
      this.#logger.error('a capability call failed in the broker', { capability: request.capability, error })
      const failed = capabilityErrors.CAPABILITY_FAILED({ capability: request.capability })
      return errorAnswer(failed, this.#redactor)
    }
  }

  askedInput(executionId: string): CapsuleError | undefined {
    const rule = this.#grants.decideInput()
    const isDenied = rule === undefined || rule.rule.effect === 'deny'
    const error = isDenied ? this.#deniedInput() : this.#takeInput(rule.rule, executionId)
    this.#audit.record({
      type: 'decision',
      executionId,
      callId: '',
      capability: inputCapability,
      rule: isDenied ? this.#grants.whyInputIsDenied().rule : rule.rule.id,
      decision: isDenied ? 'deny' : 'allow',
      summary: 'asks a person for input',
      inputBytes: 0,
      durationMs: 0,
      outcome: isDenied ? 'denied' : error === undefined ? 'allowed' : 'refused',
      error,
    })
    return error
  }

  executionEnded(executionId: string): void {
    this.#tracker.endExecution(executionId)
    this.#usage.forgetExecution(executionId)
    this.#approvals.forgetExecution(executionId)
  }

  setPolicy(policy: PolicyDefinition): void {
    const grants = new Grants(asPolicy(policy), this.#registry)
    const before = this.manifest
    this.#grants = grants
    this.#redactor.watch(this.#registry.providers)
    this.#approvals.forgetAll()
    this.#tracker.abortWhere((call) => !isStillAllowed(call, grants), revoked)
    if (JSON.stringify(before) !== JSON.stringify(grants.manifest)) this.#tellManifest()
  }

  revoke(pattern: string): void {
    if (typeof pattern !== 'string' || !isCapabilityPattern(pattern)) {
      const problems = ['pattern: must be like files.read, files.* or *']
      throw coreErrors.INVALID_OPTIONS({ where: 'revoke()', problems })
    }
    const hasChanged = this.#grants.revoke(pattern)
    const matches = compileCapabilityPatterns(pattern)
    this.#tracker.abortWhere(({ plan }) => matches(plan.name), revoked)
    if (hasChanged) this.#tellManifest()
  }

  explain(call: AskedCall): Explanation {
    return this.#grants.explain(call)
  }

  info(): CapabilitiesInfo {
    return {
      policy: this.policy.name,
      calls: this.#calls,
      decisions: { ...this.#audit.decisions },
      outcomes: { ...this.#audit.outcomes },
      inputBytes: this.#journal.inputBytes,
      outputBytes: this.#journal.outputBytes,
      pending: this.#tracker.count,
      waiting: this.#flow.waiting,
      pendingApprovals: this.#approvals.pending,
      rememberedKeys: this.#remembered.keys,
      lateHandlers: this.#flow.lateHandlers,
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#tracker.abortWhere(() => true)
    this.#remembered.clear()
    this.#listeners.clear()
  }

  #deniedInput(): CapsuleError {
    return capabilityErrors.CAPABILITY_DENIED({ capability: inputCapability, ...this.#grants.whyInputIsDenied() })
  }

  #takeInput(rule: PolicyRule, executionId: string): CapsuleError | undefined {
    if (this.#isClosed) return cancelled(inputCapability)
    if (this.#tracker.hasEnded(executionId)) {
      return capabilityErrors.CAPABILITY_EXECUTION_ENDED({ capability: inputCapability })
    }
    const accounts = this.#usage.accountsOf(rule, executionId)
    return takeCall(accounts, { capability: inputCapability, rule, inputBytes: 0 })
  }

  #tellManifest(): void {
    const { manifest } = this
    // one that adds another is not to go on for ever
    const listeners = [...this.#listeners]
    for (const listener of listeners) {
      try {
        listener(manifest)
      } catch (error) {
        this.#logger.error('a listener of the manifest failed', { error })
      }
    }
  }
}

const revoked = ({ plan }: CapabilityCall): CapsuleError =>
  capabilityErrors.CAPABILITY_REVOKED({ capability: plan.name })

/** One that nobody was asked about goes on only where nobody has to be asked. */
function isStillAllowed(call: CapabilityCall, grants: Grants): boolean {
  const plan = grants.find(call.plan.name)
  const effect = plan && grants.decide(plan, call.input)?.rule.effect
  if (effect === 'approve') return call.rule?.effect === 'approve'
  return effect === 'allow'
}
