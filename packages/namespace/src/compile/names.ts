/** The one global (non-enumerable, not listed) that rewritten code calls. The engine provides it. */
export const runtimeName = '__capsule__'

/** The object in which a wrapped cell keeps its completion value, as `v`. */
export const completionName = `${runtimeName}v`

/** Private names of a wrapped cell's own text; names that start with `__capsule__` are reserved. */
export function privateName(index: number): string {
  return `${runtimeName}${index}`
}
