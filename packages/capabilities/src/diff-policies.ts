import type { PolicyRule } from './policy-rule.ts'
import type { PolicyDefinition } from './security-policy.ts'

/** What has to be done to the first policy to make the second one of it. */
export interface PolicyDifference {
  readonly isSame: boolean
  readonly name?: { readonly from: string; readonly to: string }
  readonly added: readonly PolicyRule[]
  readonly removed: readonly PolicyRule[]
  /** The same id with other contents. */
  readonly changed: readonly { readonly id: string; readonly from: PolicyRule; readonly to: PolicyRule }[]
  /** Stands elsewhere among the rules that both have; as few as explain the order. Indexes are those in each policy. */
  readonly moved: readonly { readonly id: string; readonly from: number; readonly to: number }[]
  readonly names: {
    readonly added: Readonly<Record<string, string>>
    readonly removed: Readonly<Record<string, string>>
    readonly changed: Readonly<Record<string, { readonly from: string; readonly to: string }>>
  }
}

export function diffPolicies(from: PolicyDefinition, to: PolicyDefinition): PolicyDifference {
  const before = new Map(from.rules.map((rule, index) => [rule.id, { rule, index }]))
  const after = new Map(to.rules.map((rule, index) => [rule.id, { rule, index }]))
  const common = to.rules.flatMap(({ id }) => {
    const [old, now] = [before.get(id), after.get(id)]
    return old && now ? [{ id, old, now }] : []
  })
  const stayed = longestRising(common.map(({ old }) => old.index))
  const difference = {
    ...(from.name !== to.name && { name: { from: from.name, to: to.name } }),
    added: to.rules.filter(({ id }) => !before.has(id)),
    removed: from.rules.filter(({ id }) => !after.has(id)),
    changed: common
      .filter(({ old, now }) => sortedJson(old.rule) !== sortedJson(now.rule))
      .map(({ id, old, now }) => ({ id, from: old.rule, to: now.rule })),
    moved: common
      .filter(({ old }) => !stayed.has(old.index))
      .map(({ id, old, now }) => ({ id, from: old.index, to: now.index })),
    names: diffNames(from.names ?? {}, to.names ?? {}),
  }
  const { name, added, removed, changed, moved, names } = difference
  const changes = [added, removed, changed, moved, ...Object.values(names).map(Object.keys)]
  return { isSame: name === undefined && changes.every(({ length }) => length === 0), ...difference }
}

function diffNames(from: Readonly<Record<string, string>>, to: Readonly<Record<string, string>>) {
  const only = (own: Readonly<Record<string, string>>, other: object): Record<string, string> =>
    Object.fromEntries(Object.entries(own).filter(([name]) => !Object.hasOwn(other, name)))
  const changed = Object.entries(to).flatMap(([name, now]) => {
    const old = Object.hasOwn(from, name) ? from[name] : undefined
    return old === undefined || old === now ? [] : [[name, { from: old, to: now }] as const]
  })
  return { added: only(to, from), removed: only(from, to), changed: Object.fromEntries(changed) }
}

/** The same for the same contents, whatever the order of keys. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** The members of a longest subsequence that rises: all others have moved. */
function longestRising(values: readonly number[]): ReadonlySet<number> {
  // the end of the best run of each length, and what stands before each value in its run
  const ends: number[] = []
  const previous = new Map<number, number | undefined>()
  for (const value of values) {
    const at = ends.findIndex((end) => end > value)
    const length = at < 0 ? ends.length : at
    previous.set(value, ends[length - 1])
    ends[length] = value
  }
  const members = new Set<number>()
  for (let value = ends.at(-1); value !== undefined; value = previous.get(value)) members.add(value)
  return members
}
