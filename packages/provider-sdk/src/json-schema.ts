import * as z from 'zod'

/** What has no place in JSON Schema (bytes, dates) shows as `{}`: it is for people and tools, not for validation. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  return deepFreeze(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>)
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
