import { types } from 'node:util'
import type { InspectAnswer } from '@capsule/protocol'
import { runtimeName } from '../compile/compile.ts'
import { engineLimits } from '../engine-limits.ts'
import { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } from '../primordials.ts'
import { dataProperty } from './data-property.ts'

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u
// `a.b?.c` with what is typed so far of the last name, at the end of the text
const chainAtEnd =
  /(?:^|[^\p{ID_Continue}$.)\]}'"`\u200c\u200d])((?:[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*\??\.)*)([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)?$/u

// globals of Node that are getters, as they were before any cell could replace them
const nodeGetters = new Map(
  ['process', 'Buffer', 'crypto', 'navigator', 'performance'].map((name) => [
    name,
    getOwnPropertyDescriptor(globalThis, name)?.get,
  ]),
)

/** The names that could stand at the cursor: globals, or properties behind `a.b.`. No code of the user runs. */
export function completeNames(code: string, cursor: number): InspectAnswer {
  // a longer line of dots is no chain that someone types
  const before = code.slice(Math.max(0, cursor - 1000), cursor)
  const [match, path = '', prefix = ''] = chainAtEnd.exec(before) ?? []
  const from = cursor - prefix.length
  if (match === undefined) return { what: 'completions', names: [], from: cursor }
  const holder = path === '' ? globalThis : valueAt(path.split(/\??\./).slice(0, -1))
  const names = holder === undefined || holder === null ? [] : namesOf(holder as object, prefix)
  return { what: 'completions', names, from }
}

function valueAt(path: readonly string[]): unknown {
  return path.reduce<unknown>((holder, name, index) => {
    if (holder === undefined || holder === null) return undefined
    return (index === 0 ? nodeGlobal(name) : undefined) ?? dataProperty(Object(holder) as object, name)
  }, globalThis)
}

function nodeGlobal(name: string): unknown {
  const getter = nodeGetters.get(name)
  return getter !== undefined && getOwnPropertyDescriptor(globalThis, name)?.get === getter
    ? getter.call(globalThis)
    : undefined
}

function namesOf(value: object, prefix: string): string[] {
  const names = new Set<string>()
  const holder = Object(value) as object
  for (let object: object | null = holder; object !== null && !types.isProxy(object); object = getPrototypeOf(object)) {
    for (const key of keysOf(object)) {
      if (typeof key === 'string' && key.startsWith(prefix) && key !== runtimeName && identifier.test(key))
        names.add(key)
    }
  }
  return [...names].sort().slice(0, engineLimits.answers)
}

// the elements of an array are no names, and there may be millions
function keysOf(object: object): readonly PropertyKey[] {
  const isList = Array.isArray(object) || ArrayBuffer.isView(object) || types.isStringObject(object)
  // an empty one may be a prototype
  return isList && dataProperty(object, 'length') !== 0 ? ['length'] : ownKeys(object)
}
