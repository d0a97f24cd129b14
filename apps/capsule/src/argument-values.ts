export const executors = ['threaded', 'async'] as const
export const isolations = ['auto', 'none', 'process', 'permission', 'os'] as const

export function oneOf<const T extends string>(option: string, allowed: readonly T[], given: string): T {
  const found = allowed.find((choice) => choice === given)
  if (found === undefined) throw new Error(`${option} is one of ${allowed.join(', ')}, not '${given}'`)
  return found
}

export function milliseconds(option: string, given: string): number {
  return positive(`${option} is a whole number of milliseconds, not '${given}'`, given)
}

export function wholeNumber(option: string, given: string): number {
  return positive(`${option} is a whole number above 0, not '${given}'`, given)
}

function positive(complaint: string, given: string): number {
  const value = Number(given)
  if (!/^\d+$/.test(given) || value === 0) throw new Error(complaint)
  return value
}
