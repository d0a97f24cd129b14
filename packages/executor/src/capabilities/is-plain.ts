// cells share `globalThis` with this code and may replace these
const { getPrototypeOf, prototype: objectPrototype } = Object

/** Whether it is an object as a literal makes it. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = getPrototypeOf(value)
  return prototype === objectPrototype || prototype === null
}
