import type { FunctionFacts } from '../compile/function-facts.ts'
import { getOwnPropertyDescriptor, getPrototypeOf, hasOwn, ownKeys } from '../primordials.ts'
import { deletedMember } from './class-members.ts'
import { differentPlaces } from './function-sources.ts'
import * as natives from './natives.ts'
import type { Key } from './record-target.ts'
import { functionOf, nameOf, type Problem } from './unportable.ts'
import { generatorPrototypes } from './usual-parent.ts'

export function ownOverrides(value: Function): Key[] {
  return (ownKeys(value) as Key[]).filter((key) => {
    if (key !== 'prototype') return key !== 'arguments' && key !== 'caller'
    const prototype = natives.ownValue(value, key)
    return typeof prototype !== 'object' || prototype === null
  })
}

/** A `name` or `length` as it comes with the function. */
export function isUsual(property: PropertyDescriptor | undefined, value?: unknown): property is PropertyDescriptor {
  if (property === undefined || (value !== undefined && property.value !== value)) return false
  // freezing changes nothing that the function's integrity does not tell
  return property.writable === false && property.enumerable === false
}

export function hasUsualConstructor(prototype: object): boolean {
  const property = getOwnPropertyDescriptor(prototype, 'constructor')
  return (
    property !== undefined &&
    property.enumerable === false &&
    (property.writable === true || natives.isFrozen(prototype))
  )
}

/** Whether a function's record has to mention its `prototype`: one that was never touched comes with the function. */
export function isTold(prototype: object, owner: Function, isClass: boolean): boolean {
  if (isClass || !natives.isExtensible(prototype)) return true
  const parent = getPrototypeOf(prototype)
  if (natives.isGeneratorFunction(owner)) return ownKeys(prototype).length > 0 || !generatorPrototypes.has(parent)
  const isUntouched =
    functionOf(prototype) === owner && ownKeys(prototype).length === 1 && hasUsualConstructor(prototype)
  return !isUntouched || parent !== Object.prototype
}

/** Why the text of a function does not say all of it. */
export function functionProblem(value: Function, facts: FunctionFacts): Problem | undefined {
  const name = nameOf(value)
  const { captures, form, key, body, isMember } = facts
  if (captures.includes(differentPlaces)) {
    return { reason: 'unknown-source', detail: `the text of ${name} stands in places where it means different things` }
  }
  if (captures.length > 0) return closure(value, captures)
  if (form === 'method' && isMember) {
    return { reason: 'unknown-source', detail: `${name} is a method of a class that is not carried over before it` }
  }
  if (form === 'method' && key === undefined) {
    return { reason: 'unknown-source', detail: `${name} is a method with a computed name` }
  }
  const altered = (what: string): Problem => ({ reason: 'unknown-source', detail: `${name} ${what}` })
  if (!hasOwn(value, 'name') || !hasOwn(value, 'length')) return altered('has no name or length of its own any more')
  const prototype = getOwnPropertyDescriptor(value, 'prototype')
  if (prototype?.writable === false && body === undefined && !natives.isFrozen(value)) {
    return altered('has a fixed prototype')
  }
  if (body === undefined) return undefined
  if (body.hasPrivateStaticState) {
    return { reason: 'private-state', detail: `${name} has static #private fields` }
  }
  if (natives.ownValue(prototype?.value as object, 'constructor') !== value) {
    return altered('has a prototype with another constructor')
  }
  const deleted = deletedMember(value, body)
  return deleted === undefined ? undefined : altered(`has no ${deleted} any more`)
}

export function unknownFunction(value: Function): Problem {
  const name = nameOf(value)
  return natives.functionText(value).endsWith('{ [native code] }')
    ? { reason: 'native-object', detail: `${name} is a bound or native function` }
    : { reason: 'unknown-source', detail: `the source of ${name} is in no cell that is kept` }
}

function closure(value: Function, captures: readonly string[]): Problem {
  const names = captures.slice(0, 5).join(', ')
  return { reason: 'local-closure', detail: `${nameOf(value)} uses ${names} of the code around it` }
}
