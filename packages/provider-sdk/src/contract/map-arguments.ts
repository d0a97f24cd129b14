import type { Capability } from '@capsule/core'

/** What every capability takes beside its own fields; the worker takes these out of the last argument. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  readonly idempotencyKey?: string | undefined
  readonly timeoutMs?: number | undefined
}

export type MappedArguments =
  | { readonly isMapped: true; readonly input: Readonly<Record<string, unknown>>; readonly options: CallOptions }
  | { readonly isMapped: false; readonly problems: readonly string[] }

/** Makes the input of a capability of what a cell calls it with. */
export function mapArguments(
  { positional }: Pick<Capability, 'positional'>,
  args: readonly unknown[],
): MappedArguments {
  const given = args.slice(0, args.findLastIndex((argument) => argument !== undefined) + 1)
  const last = given.at(-1)
  const fields = isPlainObject(last) ? last : {}
  const leading = isPlainObject(last) ? given.slice(0, -1) : given
  if (leading.length > positional.length) return { isMapped: false, problems: [tooMany(positional, leading.length)] }
  const named = leading
    .map((argument, index) => [positional[index]!, argument] as const)
    .filter(([, argument]) => argument !== undefined)
  const twice = named.filter(([name]) => Object.hasOwn(fields, name)).map(([name]) => `${name}: is given twice`)
  if (twice.length > 0) return { isMapped: false, problems: twice }
  const { signal, idempotencyKey, timeoutMs } = fields as CallOptions
  const others = Object.entries(fields).filter(([name]) => !callOptionNames.has(name))
  return {
    isMapped: true,
    // an own `__proto__` stays a field, for the check to refuse
    input: Object.fromEntries([...named, ...others].filter(([, value]) => value !== undefined)),
    options: { signal, idempotencyKey, timeoutMs },
  }
}

const callOptionNames: ReadonlySet<string> = new Set(['signal', 'idempotencyKey', 'timeoutMs'])

function tooMany(positional: readonly string[], count: number): string {
  const takes = positional.length === 0 ? 'one object' : `${positional.join(', ')}, then one object with other fields`
  return `arguments: ${count} are too many; it takes ${takes}`
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
