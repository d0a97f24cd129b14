import type * as z from 'zod'

/** Whether a refinement or transform in the schema is written as an async function; one that is not, and gives a promise, is seen only when it runs. */
export function hasAsyncFunction(schema: z.core.$ZodType): boolean {
  return findAsync(schema, new Set())
}

function findAsync(value: unknown, seen: Set<unknown>): boolean {
  if (typeof value === 'function') return Object.prototype.toString.call(value) === '[object AsyncFunction]'
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  if (Array.isArray(value)) return value.some((part) => findAsync(part, seen))
  // schemas and checks keep what they are made of in `_zod.def`; the rest of them is zod's own
  const def = '_zod' in value ? (value as z.core.$ZodType)._zod.def : value
  return Object.values(def).some((part) => findAsync(part, seen))
}
