import { type Capability, capabilityBody, type Checked } from '@capsule/core'
import { decodeValue, protocolErrors, streamLimits } from '@capsule/protocol'

/**
 * The input that encoded arguments stand for: the first ones are the fields of `positional`, an object as the last one
 * gives the others, and an object alone is the whole input. A streamed body stands at `bodyField`.
 */
export function readArguments(capability: Capability, bytes: Uint8Array, hasBody: boolean): Checked {
  let args: unknown
  try {
    args = decodeValue(bytes, { depth: streamLimits.valueDepth })
  } catch (error) {
    if (!protocolErrors.VALUE_MALFORMED.is(error)) throw error
    return invalid(error.message)
  }
  if (!Array.isArray(args)) return invalid('arguments: must be an array')
  const mapped = mapArguments(args, capability.positional)
  if (!mapped.isValid || !hasBody) return mapped
  return withBody(mapped.value as Record<string, unknown>, capability.bodyField)
}

function mapArguments(args: unknown[], positional: readonly string[]): Checked {
  while (args.length > 0 && args.at(-1) === undefined) args.pop()
  const last: unknown = args.at(-1)
  const hasFields = isPlainObject(last)
  const count = hasFields ? args.length - 1 : args.length
  if (count > positional.length) return invalid(tooMany(args.length, positional))
  if (count === 0) return { isValid: true, value: hasFields ? last : {} }
  // a spread makes own properties also of `__proto__`
  const input: Record<string, unknown> = hasFields ? { ...last } : {}
  for (let index = 0; index < count; index++) {
    const field = positional[index] as string
    if (args[index] === undefined) continue
    if (Object.hasOwn(input, field)) return invalid(`${field}: is given twice, as argument ${index + 1} and by name`)
    input[field] = args[index]
  }
  return { isValid: true, value: input }
}

function withBody(input: Record<string, unknown>, bodyField: string | undefined): Checked {
  if (bodyField === undefined) return invalid('body: this capability takes no stream')
  const given = Object.hasOwn(input, bodyField) ? input[bodyField] : undefined
  if (given !== undefined && given !== null) return invalid(`${bodyField}: is given twice, as a stream and as a value`)
  return { isValid: true, value: { ...input, [bodyField]: capabilityBody } }
}

function tooMany(count: number, positional: readonly string[]): string {
  const taken = [...positional, 'an object with the other fields'].join(', ')
  return `arguments: ${count} are given; it takes ${taken}`
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const invalid = (problem: string): Checked => ({ isValid: false, problems: [problem] })
