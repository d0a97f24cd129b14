import fc from 'fast-check'
import { expect, it } from 'vitest'
import { diffPolicies } from './diff-policies.ts'
import type { PolicyRule } from './policy-rule.ts'
import { policies } from './predefined-policies.ts'
import { definePolicy } from './security-policy.ts'

const rule = (id: string, changes: Partial<PolicyRule> = {}): PolicyRule => ({
  id,
  effect: 'allow',
  capability: '*',
  ...changes,
})
const policyOf = (...rules: PolicyRule[]) => definePolicy({ name: 'p', rules })

it('tells what was added, removed, changed and moved', () => {
  const before = policyOf(rule('a'), rule('b'), rule('c'), rule('d'), rule('e'))
  const after = policyOf(rule('d'), rule('a'), rule('b', { effect: 'deny' }), rule('f'), rule('e'))
  expect(diffPolicies(before, after)).toEqual({
    isSame: false,
    added: [rule('f')],
    removed: [rule('c')],
    changed: [{ id: 'b', from: rule('b'), to: rule('b', { effect: 'deny' }) }],
    moved: [{ id: 'd', from: 3, to: 0 }],
    names: { added: {}, removed: {}, changed: {} },
  })
})

it('tells names', () => {
  const named = (name: string, names: Record<string, string>) => definePolicy({ name, rules: [], names })
  expect(diffPolicies(named('p', { a: 'x.a', b: 'x.b' }), named('q', { b: 'x.c', c: 'x.c' }))).toMatchObject({
    isSame: false,
    name: { from: 'p', to: 'q' },
    names: { added: { c: 'x.c' }, removed: { a: 'x.a' }, changed: { b: { from: 'x.b', to: 'x.c' } } },
  })
})

it('sees through the order of keys', () => {
  const when = { method: { in: ['GET'] }, url: { host: 'a' } }
  const turned = { url: { host: 'a' }, method: { in: ['GET'] } }
  expect(diffPolicies(policyOf(rule('a', { when })), policyOf(rule('a', { when: turned })))).toMatchObject({
    isSame: true,
  })
})

it('tells what a level adds to the one before', () => {
  const difference = diffPolicies(policies.restricted, policies.standard)
  expect(difference.added.map(({ id }) => id)).toEqual(['write-files', 'read-http'])
  expect([difference.removed, difference.changed, difference.moved]).toEqual([[], [], []])
})

it('moves as few rules as there can be', () => {
  const ids = fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e', 'f', 'g'], { minLength: 0 })
  fc.assert(
    fc.property(ids, ids, (from, to) => {
      const { added, removed, moved, isSame } = diffPolicies(
        policyOf(...from.map((id) => rule(id))),
        policyOf(...to.map((id) => rule(id))),
      )
      expect(added.map(({ id }) => id)).toEqual(to.filter((id) => !from.includes(id)))
      expect(removed.map(({ id }) => id)).toEqual(from.filter((id) => !to.includes(id)))
      const movedIds = new Set(moved.map(({ id }) => id))
      const stay = (list: string[]) => list.filter((id) => from.includes(id) && to.includes(id) && !movedIds.has(id))
      expect(stay(from)).toEqual(stay(to))
      // no set of fewer moves explains the order
      const common = to.filter((id) => from.includes(id))
      const longest = (list: number[], last = -1): number =>
        list.reduce(
          (most, value, at) => (value > last ? Math.max(most, 1 + longest(list.slice(at + 1), value)) : most),
          0,
        )
      expect(moved).toHaveLength(common.length - longest(common.map((id) => from.indexOf(id))))
      expect(isSame).toBe(from.join() === to.join())
    }),
  )
})
