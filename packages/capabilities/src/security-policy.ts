import { capabilityLimits } from '@capsule/protocol'
import * as z from 'zod'
import { isShortName } from './short-name.ts'
import { isCapabilityPattern } from './capability-pattern.ts'
import { type CompiledRule, compileRule } from './compiled-policy.ts'
import { capabilityErrors } from './errors.ts'
import { type AskedCall, explainRules, type Explanation } from './explanation.ts'
import { type PolicyRule, ruleSchema } from './policy-rule.ts'

/** Plain data: what `definePolicy` takes and what a policy is when it is printed. */
export interface PolicyDefinition {
  readonly name: string
  /** The first that matches a call decides; without one it is denied. */
  readonly rules: readonly PolicyRule[]
  /** Globals of the cells by their capability: `{ fetch: 'http.fetch' }`. There only while that is granted. */
  readonly names?: Readonly<Record<string, string>> | undefined
}

/** Frozen; its enumerable properties are its data, so that it can be printed, compared and sent as it is. */
export interface SecurityPolicy extends PolicyDefinition {
  readonly names: Readonly<Record<string, string>>
  /** Which rule decides this call, and why those before it do not. The host's own `revoke` is not known here. */
  explain(call: AskedCall): Explanation
  /**
   * A policy with these rules before its own; a rule whose id is there already is replaced. @throws POLICY_INVALID
   */
  extend(changes: PolicyChanges): SecurityPolicy
}

export interface PolicyChanges {
  /** @defaultValue that of the policy extended */
  readonly name?: string | undefined
  readonly rules?: readonly PolicyRule[] | undefined
  readonly names?: Readonly<Record<string, string>> | undefined
}

// unit: rules of one policy; threat: policies that take longer to match than calls to make
const maxRules = 1000
// unit: levels of a definition; threat: one that holds itself
const maxLevels = 20

const namesSchema = z.record(
  z.string().refine(isShortName, 'must be a name that cells can have as a global'),
  z.string().refine((name) => isCapabilityPattern(name) && !name.includes('*'), 'must be like http.fetch'),
)
const policySchema = z.strictObject({
  name: z.string().min(1).max(128),
  rules: z.array(ruleSchema).max(maxRules),
  names: namesSchema
    .refine((names) => Object.keys(names).length <= capabilityLimits.maxCapabilities, 'are too many')
    .default({}),
})

const compiledRules = new WeakMap<object, readonly CompiledRule[]>()

/** A policy from plain data. @throws POLICY_INVALID */
export function definePolicy(definition: PolicyDefinition): SecurityPolicy {
  const unsafe = findUnsafe(definition, 'policy', maxLevels)
  if (unsafe !== undefined) throw capabilityErrors.POLICY_INVALID({ policy: nameOf(definition), problems: [unsafe] })
  const { success, data, error } = policySchema.safeParse(definition)
  const problems = success ? duplicateIdsOf(data.rules) : error.issues.map(problemOf)
  if (!success || problems.length > 0) {
    throw capabilityErrors.POLICY_INVALID({ policy: nameOf(definition), problems })
  }
  const { name, rules, names } = data
  const compiled = deepFreeze(rules).map(compileRule)
  const policy: PolicyDefinition = { name, rules, names: deepFreeze(names) }
  // not enumerable: what is seen of a policy is its data
  Object.defineProperties(policy, {
    explain: { value: (call: AskedCall) => explainRules(name, compiled, call) },
    extend: { value: (changes: PolicyChanges) => extendPolicy(policy, changes) },
  })
  compiledRules.set(policy, compiled)
  return Object.freeze(policy) as SecurityPolicy
}

/** Of what looks like a policy; one that this copy of the package has not made is checked again. @throws POLICY_INVALID */
export function compiledRulesOf(policy: SecurityPolicy): readonly CompiledRule[] {
  return compiledRules.get(policy) ?? compiledRules.get(asPolicy(policy)) ?? []
}

/** @throws POLICY_INVALID */
export function asPolicy(policy: PolicyDefinition): SecurityPolicy {
  if (compiledRules.has(policy)) return policy as SecurityPolicy
  const { name, rules, names } = policy
  return definePolicy({ name, rules, names })
}

function extendPolicy(
  policy: PolicyDefinition,
  { name = policy.name, rules = [], names = {} }: PolicyChanges,
): SecurityPolicy {
  const replaced = new Set(rules.map(({ id }) => id))
  return definePolicy({
    name,
    rules: [...rules, ...policy.rules.filter(({ id }) => !replaced.has(id))],
    names: { ...policy.names, ...names },
  })
}

/** zod leaves `__proto__` out of a record without a word, and a condition that is left out makes a rule wider. */
function findUnsafe(value: unknown, path: string, levelsLeft: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (levelsLeft === 0) return `${path}: is nested too deeply`
  if (Object.hasOwn(value, '__proto__')) return `${path}: must not have a field __proto__`
  for (const [key, each] of Object.entries(value)) {
    const unsafe = findUnsafe(each, `${path}.${key}`, levelsLeft - 1)
    if (unsafe !== undefined) return unsafe
  }
  return undefined
}

function duplicateIdsOf(rules: readonly PolicyRule[]): string[] {
  const seen = new Set<string>()
  return rules.flatMap(({ id }, index) => {
    if (seen.has(id)) return [`rules.${index}.id: '${id}' is there already`]
    seen.add(id)
    return []
  })
}

function problemOf({ path, message }: z.core.$ZodIssue): string {
  return [path.map(String).join('.') || 'policy', message].join(': ')
}

function nameOf(definition: unknown): string {
  const { name } = Object(definition) as { name?: unknown }
  return typeof name === 'string' ? name.slice(0, 128) : '(without a name)'
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const each of Object.values(value)) deepFreeze(each)
  return Object.freeze(value)
}
