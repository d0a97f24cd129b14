import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PolicyRule } from './policy-rule.ts'
import { definePolicy, type PolicyDefinition } from './security-policy.ts'

const rules: PolicyRule[] = [
  {
    id: 'no-secrets',
    effect: 'deny',
    capability: 'files.*',
    when: { path: { glob: 'data:/secret/**' } },
    reason: 'secret',
  },
  { id: 'data', effect: 'allow', capability: ['files.read', 'files.list'], when: { path: { glob: 'data:/**' } } },
  { id: 'http', effect: 'approve', capability: 'http.fetch', limits: { perExecution: { calls: 2 } } },
]
const policy = definePolicy({ name: 'mine', rules, names: { fetch: 'http.fetch' } })

const problemsOf = (definition: unknown): string => {
  try {
    definePolicy(definition as PolicyDefinition)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('a policy', () => {
  it('is plain, frozen data', () => {
    const plain = { name: 'mine', rules, names: { fetch: 'http.fetch' } }
    expect(Object.keys(policy)).toEqual(['name', 'rules', 'names'])
    expect(JSON.parse(JSON.stringify(policy))).toEqual(plain)
    expect(structuredClone(policy)).toEqual(plain)
    expect(inspect(policy)).not.toContain('explain')
    expect(Object.isFrozen(policy)).toBe(true)
    expect(Object.isFrozen(policy.rules[0]?.when?.['path'])).toBe(true)
    // the caller's own is not
    expect(Object.isFrozen(rules[0])).toBe(false)
  })

  it('survives JSON', () => {
    const copy = definePolicy(JSON.parse(JSON.stringify(policy)) as PolicyDefinition)
    const call = { capability: 'files.read', input: { path: 'data:/a' } }
    expect(copy.explain(call)).toEqual(policy.explain(call))
  })

  it('explains what decides, and why the rules before do not', () => {
    expect(policy.explain({ capability: 'files.read', input: { path: 'data:/a' } })).toEqual({
      decision: 'allow',
      rule: 'data',
      reason: 'the rule allows it',
      considered: [
        { rule: 'no-secrets', isMatch: false, because: 'path must match "data:/secret/**"' },
        { rule: 'data', isMatch: true, because: 'capability and fields match' },
      ],
    })
    expect(policy.explain({ capability: 'files.read', input: { path: 'data:/secret/a' } })).toMatchObject({
      decision: 'deny',
      rule: 'no-secrets',
      reason: 'secret',
    })
    expect(policy.explain({ capability: 'http.fetch', input: {} })).toMatchObject({
      decision: 'approve',
      rule: 'http',
      limits: { perExecution: { calls: 2 } },
    })
    expect(policy.explain({ capability: 'files.read', input: { path: 'logs:/a' } })).toMatchObject({
      decision: 'deny',
      rule: 'default',
      reason: `no rule of the policy 'mine' allows it; for 'data', path must match "data:/**"`,
    })
    expect(policy.explain({ capability: 'shell.run' })).toMatchObject({
      rule: 'default',
      reason: "no rule of the policy 'mine' allows it",
      considered: [{ because: 'it is about files.*' }, { because: 'it is about files.read, files.list' }, {}],
    })
  })

  it('is extended by rules before its own, and replaces those with the same id', () => {
    const extended = policy.extend({
      rules: [
        { id: 'shell', effect: 'deny', capability: 'shell.*' },
        { id: 'http', effect: 'allow', capability: 'http.*' },
      ],
      names: { get: 'http.fetch' },
    })
    expect(extended.rules.map(({ id }) => id)).toEqual(['shell', 'http', 'no-secrets', 'data'])
    expect(extended.names).toEqual({ fetch: 'http.fetch', get: 'http.fetch' })
    expect(extended.name).toBe('mine')
    expect(policy.rules.map(({ id }) => id)).toEqual(['no-secrets', 'data', 'http'])
  })

  it('names each field that is wrong', () => {
    const rule = (changes: object): object => ({
      name: 'p',
      rules: [{ id: 'a', effect: 'allow', capability: '*', ...changes }],
    })
    expect(problemsOf(rule({ effect: 'permit' }))).toContain('rules.0.effect')
    expect(problemsOf(rule({ capability: 'files' }))).toContain('rules.0.capability')
    expect(problemsOf(rule({ capability: '' }))).toContain('rules.0.capability')
    expect(problemsOf(rule({ whn: {} }))).toContain('whn')
    expect(problemsOf(rule({ when: {} }))).toContain('rules.0.when')
    expect(problemsOf(rule({ when: { path: { globb: 'x' } } }))).toContain('rules.0.when.path')
    expect(problemsOf(rule({ limits: { perExecution: { call: 1 } } }))).toContain('call')
    expect(problemsOf(rule({ limits: { perSession: { calls: -1 } } }))).toContain('rules.0.limits.perSession.calls')
    expect(problemsOf(rule({ id: 'default' }))).toContain('rules.0.id')
    expect(problemsOf(rule({ approve: { timeoutMs: 5 } }))).toContain('rules.0.approve')
    expect(problemsOf(rule({ effect: 'deny', limits: {} }))).toContain('rules.0.limits')
    expect(problemsOf({ name: 'p', rules: [rules[0], rules[0]] })).toContain("'no-secrets' is there already")
    expect(problemsOf({ name: 'p', rules: [], names: { class: 'http.fetch' } })).toContain('names.class')
    expect(problemsOf({ name: 'p', rules: [], names: { input: 'http.fetch' } })).toContain('names.input')
    expect(problemsOf({ name: 'p', rules: [], names: { a: 'http.*' } })).toContain('names.a')
    expect(problemsOf(undefined)).toContain('(without a name)')
    expect(() => policy.extend({ rules: [{ id: '', effect: 'allow', capability: '*' }] })).toThrow(/rules\.0\.id/)
  })

  it('loses no condition: what it does not keep is refused', () => {
    const when = JSON.parse('{"path": {"equals": 1}, "__proto__": {"equals": 1}}') as object
    expect(problemsOf({ name: 'p', rules: [{ id: 'a', effect: 'allow', capability: '*', when }] })).not.toBe('')
    const limits = JSON.parse('{"__proto__": {"perExecution": {"calls": 1}}}') as object
    expect(problemsOf({ name: 'p', rules: [{ id: 'a', effect: 'allow', capability: '*', limits }] })).not.toBe('')
    const not: Record<string, unknown> = {}
    not['not'] = not
    const endless = { id: 'a', effect: 'allow', capability: '*', when: { path: not } }
    expect(problemsOf({ name: 'p', rules: [endless] })).toContain('nested too deeply')
  })
})

/** What decides, written down as the documentation says it. */
function naiveDecision(list: readonly PolicyRule[], capability: string, input: Record<string, unknown>): string {
  for (const { id, capability: patterns, when = {} } of list) {
    const isAbout = [patterns].flat().some((pattern) => {
      const [provider, name] = pattern.split('.')
      const [ofProvider, ofName] = capability.split('.')
      return pattern === '*' || ((provider === '*' || provider === ofProvider) && (name === '*' || name === ofName))
    })
    const isMet = Object.entries(when).every(([field, pattern]) => {
      const value = input[field]
      if (value === undefined) return pattern.optional === true
      return pattern.in?.some((each) => each === value)
    })
    if (isAbout && isMet) return id
  }
  return 'default'
}

it('decides as the first rule that matches', () => {
  const half = fc.constantFrom('a', 'b', '*')
  const pattern = fc.oneof(
    fc.constant('*'),
    fc.tuple(half, half).map((halves) => halves.join('.')),
  )
  const argument = fc.record(
    { in: fc.uniqueArray(fc.constantFrom(1, 2, 'x'), { minLength: 1 }), optional: fc.boolean() },
    { requiredKeys: ['in'] },
  )
  const when = fc.dictionary(fc.constantFrom('p', 'q'), argument, { minKeys: 1 })
  const rule = fc.record(
    {
      effect: fc.constantFrom('allow' as const, 'deny' as const, 'approve' as const),
      capability: fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 3 })),
      when,
    },
    { requiredKeys: ['effect', 'capability'] },
  )
  const input = fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.constantFrom(1, 2, 3, 'x', undefined))
  const name = fc.constantFrom('a.a', 'a.b', 'b.a', 'c.c')
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 6 }), name, input, (list, capability, given) => {
      const numbered = list.map((each, index) => ({ id: `r${index}`, ...each }))
      const decided = definePolicy({ name: 'p', rules: numbered }).explain({ capability, input: given })
      const expected = naiveDecision(numbered, capability, given)
      expect(decided.rule).toBe(expected)
      expect(decided.decision).toBe(numbered.find(({ id }) => id === expected)?.effect ?? 'deny')
      expect(decided.considered.map(({ isMatch }) => isMatch)).toEqual(
        decided.considered.map((_, index) => index === numbered.findIndex(({ id }) => id === expected)),
      )
    }),
    { numRuns: 500 },
  )
})
