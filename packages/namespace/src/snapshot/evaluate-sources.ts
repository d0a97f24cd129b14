import { apply } from '../primordials.ts'
import { malformed } from './byte-source.ts'
import { ownValue } from './natives.ts'
import type { SourceEntry } from './source-entry.ts'

/** Makes a new function of a text, each time it is called. */
export type MakeFunction = () => unknown

/**
 * Compiles the texts of functions, in one script for strict and one for sloppy code; none of them runs yet.
 * @throws MalformedSnapshot for a text that V8 does not take
 */
export function evaluateSources(
  entries: readonly SourceEntry[],
  evaluate: (code: string) => unknown,
): readonly MakeFunction[] {
  const makers: MakeFunction[] = []
  for (const isStrict of [false, true]) {
    const chosen = entries.flatMap((entry, index) => (entry.isStrict === isStrict ? [{ entry, index }] : []))
    if (chosen.length === 0) continue
    const code = `${isStrict ? '"use strict";' : ''}[\n${chosen.map(({ entry }) => makerOf(entry)).join(',\n')}\n]`
    let made: readonly MakeFunction[]
    try {
      made = evaluate(code) as readonly MakeFunction[]
    } catch {
      throw malformed('the source of a function cannot be compiled')
    }
    if (!Array.isArray(made) || made.length !== chosen.length) throw malformed('a source is more than a function')
    for (const [at, { entry, index }] of chosen.entries()) {
      makers[index] = entry.selfName === undefined ? call(made[at]) : declare(entry, entry.selfName, evaluate)
    }
  }
  return makers
}

function makerOf({ text, form, selfName }: SourceEntry): string {
  // an arrow, so that `this` in the text is the global object as it was in its cell
  if (selfName !== undefined) return '0'
  if (form !== 'method') return `()=>(${text}\n)`
  return `()=>({${text}\n})`
}

function call(make: unknown): MakeFunction {
  if (typeof make !== 'function') throw malformed('a source is no function')
  return () => {
    const made: unknown = apply(make, globalThis, [])
    if (typeof made !== 'object' || made === null) return made
    const [key] = Reflect.ownKeys(made)
    const { value, get, set } = Reflect.getOwnPropertyDescriptor(made, key as PropertyKey) ?? {}
    return (value ?? get ?? set) as unknown
  }
}

/** A function that calls itself by its global name has no name of its own to call: it is declared as it was. */
function declare({ text, isStrict }: SourceEntry, name: string, evaluate: (code: string) => unknown): MakeFunction {
  return () => {
    evaluate(`${isStrict ? '"use strict";' : ''}${text}\n`)
    return ownValue(globalThis, name)
  }
}
