import type { Capability, CapabilityLimits, CapabilityProvider } from '@capsule/core'
import { type CapabilityManifest, capabilityLimits } from '@capsule/protocol'
import { compileCapabilityPatterns, inputCapability } from './capability-pattern.ts'
import type { CapabilityRegistry } from './capability-registry.ts'
import { type CompiledRule, findRule } from './compiled-policy.ts'
import { capabilityErrors } from './errors.ts'
import { explainRules, type AskedCall, type Explanation, reasonOf, reasonOfDefault } from './explanation.ts'
import { defaultRule, revokedRule } from './policy-rule.ts'
import { compiledRulesOf, type SecurityPolicy } from './security-policy.ts'

/** One capability of the registry, under one policy. */
export interface Plan {
  /** `files.read` */
  readonly name: string
  readonly provider: CapabilityProvider
  readonly capability: Capability
  readonly limits: CapabilityLimits
  /** Those about it, in order. */
  readonly rules: readonly CompiledRule[]
  /** Some rule could allow it, and the host has not revoked it. */
  isGranted: boolean
  isRevoked: boolean
}

type Judged = Pick<Plan, 'name' | 'rules' | 'isRevoked' | 'isGranted'>

/** What one policy makes of the registry, worked out once so that a call only walks the rules about its capability. */
export class Grants {
  readonly policy: SecurityPolicy
  readonly #plans = new Map<string, Plan>()
  readonly #input: Judged
  readonly #rules: readonly CompiledRule[]
  #manifest: CapabilityManifest

  /** @throws POLICY_INVALID */
  constructor(policy: SecurityPolicy, registry: CapabilityRegistry) {
    this.policy = policy
    this.#rules = compiledRulesOf(policy)
    for (const name of registry.names) {
      const found = registry.find(name)
      if (found === undefined) continue
      const { capability, provider } = found
      this.#plans.set(name, { ...this.#judged(name), provider, capability, limits: capability.limits })
    }
    this.#input = this.#judged(inputCapability)
    this.#manifest = this.#makeManifest()
    const { maxCapabilities } = capabilityLimits
    if (this.#manifest.capabilities.length <= maxCapabilities) return
    const problems = [`it grants more than ${maxCapabilities} capabilities; narrow its patterns`]
    throw capabilityErrors.POLICY_INVALID({ policy: policy.name, problems })
  }

  get manifest(): CapabilityManifest {
    return this.#manifest
  }

  get grantsInput(): boolean {
    return this.#input.isGranted
  }

  find(capability: string): Plan | undefined {
    return this.#plans.get(capability)
  }

  /** The rule that decides on an input; undefined: none, so it is denied. */
  decide(plan: Judged, input: unknown): CompiledRule | undefined {
    return plan.isRevoked ? undefined : findRule(plan.rules, input)
  }

  decideInput(): CompiledRule | undefined {
    return this.decide(this.#input, {})
  }

  /** Why `decide` denies. */
  whyDenied(plan: Judged, input: unknown): { readonly rule: string; readonly reason: string } {
    if (plan.isRevoked) return { rule: revokedRule, reason: 'the host has revoked it' }
    const decided = findRule(plan.rules, input)
    if (decided !== undefined) return { rule: decided.rule.id, reason: reasonOf(decided.rule) }
    return { rule: defaultRule, reason: reasonOfDefault(this.policy.name, plan.rules, input) }
  }

  whyInputIsDenied(): { readonly rule: string; readonly reason: string } {
    return this.whyDenied(this.#input, {})
  }

  explain(call: AskedCall): Explanation {
    const plan = call.capability === inputCapability ? this.#input : this.#plans.get(call.capability)
    if (plan?.isRevoked) return { decision: 'deny', ...this.whyDenied(plan, call.input), considered: [] }
    return explainRules(this.policy.name, this.#rules, call)
  }

  /** The names that were taken away since the policy came. */
  get revoked(): readonly string[] {
    return [...this.#plans.values(), this.#input].flatMap(({ name, isRevoked }) => (isRevoked ? [name] : []))
  }

  /** Says whether a capability was granted until now. */
  revoke(pattern: string): boolean {
    const matches = compileCapabilityPatterns(pattern)
    let hasChanged = false
    for (const plan of [...this.#plans.values(), this.#input]) {
      if (!matches(plan.name)) continue
      plan.isRevoked = true
      hasChanged ||= plan.isGranted
      plan.isGranted = false
    }
    if (hasChanged) this.#manifest = this.#makeManifest()
    return hasChanged
  }

  #judged(name: string): Judged {
    const rules = this.#rules.filter(({ matchesCapability }) => matchesCapability(name))
    return { name, rules, isGranted: canAllow(rules), isRevoked: false }
  }

  #makeManifest(): CapabilityManifest {
    const granted = [...this.#plans.values()].filter(({ isGranted }) => isGranted)
    const names = Object.entries(this.policy.names).filter(([, name]) => this.#plans.get(name)?.isGranted)
    return {
      capabilities: granted.map(({ name, capability }) => {
        const { returns, bodyField, positional } = capability
        if (bodyField === undefined) return { name, returns }
        const position = positional.indexOf(bodyField)
        return { name, returns, body: { field: bodyField, ...(position >= 0 && { position }) } }
      }),
      names: names.map(([name, capability]) => ({ name, capability })),
      input: this.#input.isGranted,
    }
  }
}

/** Whether there is an input that these rules allow, as far as they say: no rule after one without conditions counts. */
function canAllow(rules: readonly CompiledRule[]): boolean {
  for (const { rule, fields } of rules) {
    if (rule.effect !== 'deny') return true
    if (fields === undefined) return false
  }
  return false
}
