import { type ArgumentPattern, compileArgumentPattern, describeArgumentPattern } from './argument-pattern.ts'
import { compileCapabilityPatterns } from './capability-pattern.ts'
import type { PolicyRule } from './policy-rule.ts'

/** A rule in the form that calls are matched with. */
export interface CompiledRule {
  readonly rule: PolicyRule
  readonly matchesCapability: (capability: string) => boolean
  /** Undefined: any input. */
  readonly fields: readonly CompiledField[] | undefined
}

interface CompiledField {
  readonly name: string
  readonly path: readonly string[]
  readonly pattern: ArgumentPattern
  readonly matches: (value: unknown) => boolean
}

export function compileRule(rule: PolicyRule): CompiledRule {
  const { capability, when, effect } = rule
  return {
    rule,
    matchesCapability: compileCapabilityPatterns(capability),
    fields:
      when &&
      Object.entries(when).map(([name, pattern]) => ({
        name,
        path: name.split('.'),
        pattern,
        matches: compileArgumentPattern(pattern, effect === 'deny'),
      })),
  }
}

/** The first that matches decides. */
export function findRule(rules: readonly CompiledRule[], input: unknown): CompiledRule | undefined {
  for (const compiled of rules) {
    if (compiled.fields === undefined || findMismatch(compiled.fields, input) === undefined) return compiled
  }
  return undefined
}

export function findMismatch(fields: readonly CompiledField[], input: unknown): CompiledField | undefined {
  for (const field of fields) if (!field.matches(fieldOf(input, field.path))) return field
  return undefined
}

/** `method must be one of "GET", "HEAD"` */
export function describeField({ name, pattern }: CompiledField): string {
  return `${name} must ${describeArgumentPattern(pattern)}`
}

/** Of own properties only: no name reaches a prototype. */
function fieldOf(input: unknown, path: readonly string[]): unknown {
  let value = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
