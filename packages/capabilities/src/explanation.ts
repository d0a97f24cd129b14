import { type CompiledRule, describeField, findMismatch } from './compiled-policy.ts'
import { defaultRule, type PolicyRule, type RuleLimits } from './policy-rule.ts'

export interface AskedCall {
  readonly capability: string
  /** As `checkInput` gives it: an object with the fields by name. @defaultValue {} */
  readonly input?: unknown
}

/** Which rule decides a call, and why. */
export interface Explanation {
  readonly decision: PolicyRule['effect']
  /** The id of the rule, or `default`: none matches; or, of a session, `revoked`. */
  readonly rule: string
  readonly reason: string
  readonly limits?: RuleLimits | undefined
  /** In order, up to the one that decides. */
  readonly considered: readonly ConsideredRule[]
}

export interface ConsideredRule {
  readonly rule: string
  readonly isMatch: boolean
  readonly because: string
}

export function explainRules(policy: string, rules: readonly CompiledRule[], call: AskedCall): Explanation {
  const { capability, input = {} } = call
  const considered: ConsideredRule[] = []
  for (const compiled of rules) {
    const { rule, fields = [] } = compiled
    const consider = (isMatch: boolean, because: string) => considered.push({ rule: rule.id, isMatch, because })
    const mismatch = findMismatch(fields, input)
    if (!compiled.matchesCapability(capability)) {
      consider(false, `it is about ${[rule.capability].flat().join(', ')}`)
    } else if (mismatch !== undefined) consider(false, describeField(mismatch))
    else {
      consider(true, 'capability and fields match')
      const { id, effect, limits } = rule
      return { decision: effect, rule: id, reason: reasonOf(rule), ...(limits && { limits }), considered }
    }
  }
  const reason = reasonOfDefault(
    policy,
    rules.filter(({ matchesCapability }) => matchesCapability(capability)),
    input,
  )
  return { decision: 'deny', rule: defaultRule, reason, considered }
}

export function reasonOf({ effect, reason }: PolicyRule): string {
  if (reason !== undefined) return reason
  switch (effect) {
    case 'allow':
      return 'the rule allows it'
    case 'approve':
      return 'the rule asks for the approval of a person'
    case 'deny':
      return 'the rule denies it; a rule before it would have to allow it'
  }
}

/** `rules`: those about the capability, of which none matches the input. */
export function reasonOfDefault(policy: string, rules: readonly CompiledRule[], input: unknown): string {
  const nearest = rules.find(({ rule }) => rule.effect !== 'deny')
  const mismatch = nearest?.fields && findMismatch(nearest.fields, input)
  if (nearest === undefined || mismatch === undefined) return `no rule of the policy '${policy}' allows it`
  return `no rule of the policy '${policy}' allows it; for '${nearest.rule.id}', ${describeField(mismatch)}`
}
