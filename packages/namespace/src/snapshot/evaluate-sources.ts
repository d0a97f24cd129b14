import { apply, getOwnPropertyDescriptor, ownKeys } from '../primordials.ts'
import { malformed } from './byte-source.ts'
import type { SourceEntry } from './source-entry.ts'

/** Makes a new function of a text, each time it is called. @throws what V8 says of a text that it does not take */
export type MakeFunction = () => unknown

/** Compiles the texts of functions, in one script for strict and one for sloppy code; none of them runs yet. */
export function evaluateSources(
  entries: readonly SourceEntry[],
  evaluate: (code: string) => unknown,
): readonly MakeFunction[] {
  const makers: MakeFunction[] = []
  for (const isStrict of [false, true]) {
    const chosen = entries.flatMap((entry, index) => (entry.isStrict === isStrict ? [{ entry, index }] : []))
    if (chosen.length === 0) continue
    const texts = chosen.map(({ entry }) => entry)
    const made = compile(texts, isStrict, evaluate) ?? texts.map((entry) => compileAlone(entry, isStrict, evaluate))
    for (const [at, { index }] of chosen.entries()) makers[index] = made[at] as MakeFunction
  }
  return makers
}

/** Undefined: one of them cannot be compiled. */
function compile(
  entries: readonly SourceEntry[],
  isStrict: boolean,
  evaluate: (code: string) => unknown,
): readonly MakeFunction[] | undefined {
  // an arrow, so that `this` in the text is the global object as it was in its cell
  const texts = entries.map(({ text, form }) => (form === 'method' ? `()=>({${text}\n})` : `()=>(${text}\n)`))
  let made: readonly unknown[]
  try {
    made = evaluate(`${isStrict ? '"use strict";' : ''}[\n${texts.join(',\n')}\n]`) as readonly unknown[]
  } catch {
    return undefined
  }
  if (!Array.isArray(made) || made.length !== entries.length) throw malformed('a source is more than a function')
  return made.map((make) => makerOf(make))
}

/** Another version of V8 may know less syntax: only what uses it is lost. */
function compileAlone(entry: SourceEntry, isStrict: boolean, evaluate: (code: string) => unknown): MakeFunction {
  const [make] = compile([entry], isStrict, evaluate) ?? []
  if (make !== undefined) return make
  return () => {
    throw new SyntaxError('its source cannot be compiled')
  }
}

function makerOf(make: unknown): MakeFunction {
  if (typeof make !== 'function') throw malformed('a source is no function')
  return () => {
    const made: unknown = apply(make, globalThis, [])
    if (typeof made !== 'object' || made === null) return made
    const [key] = ownKeys(made)
    const { value, get, set } = getOwnPropertyDescriptor(made, key as PropertyKey) ?? {}
    return (value ?? get ?? set) as unknown
  }
}
