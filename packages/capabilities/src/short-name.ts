const identifier = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/

/** The language's own words, and the names that cells rely on. */
const taken = new Set(
  `break case catch class const continue debugger default delete do else enum export extends false finally for function
  if import in instanceof new null return super switch this throw true try typeof var void while with yield let static
  await async implements interface package private protected public arguments eval undefined NaN Infinity globalThis
  Object Array Function String Number Boolean Symbol BigInt Error Promise Proxy Reflect JSON Math Date RegExp Map Set
  caps capsule input prompt display progress console In Out _ __ ___`.split(/\s+/),
)

/** Whether a policy may give a capability this name among the globals of cells. */
export function isShortName(name: string): boolean {
  return identifier.test(name) && !taken.has(name)
}
