import type { ClassFacts } from '../compile/function-facts.ts'
import { getOwnPropertyDescriptor, ownKeys } from '../primordials.ts'
import { functionText, ownValue } from './natives.ts'
import type { Key } from './snapshot-writer.ts'

export interface ClassMember {
  readonly owner: object
  readonly isStatic: boolean
  readonly key: Key
  /** 0 the value, 1 the getter, 2 the setter. */
  readonly which: 0 | 1 | 2
}

type Described = readonly [key: Key, descriptor: PropertyDescriptor]

const staticKeys = new Set<Key>(['length', 'name', 'prototype'])

/** The methods of the classes met so far: they come with their class, and keep their identity. */
export class ClassMembers {
  readonly #members = new Map<unknown, ClassMember>()

  find(value: unknown): ClassMember | undefined {
    return this.#members.get(value)
  }

  /** Notes the members of a class, and returns the static properties that are not as its text says. */
  take(owner: object, facts: ClassFacts): Described[] {
    const prototype = ownValue(owner, 'prototype')
    if (typeof prototype === 'object' && prototype !== null) {
      for (const key of ownKeys(prototype) as Key[]) {
        if (key !== 'constructor') this.#note(prototype, key, { owner, isStatic: false }, facts)
      }
    }
    return (ownKeys(owner) as Key[])
      .filter((key) => !staticKeys.has(key) && !this.#note(owner, key, { owner, isStatic: true }, facts))
      .map((key) => [key, getOwnPropertyDescriptor(owner, key) as PropertyDescriptor])
  }

  /** The properties of a `prototype` that its text does not say. */
  prototypeOverrides(prototype: object, facts: ClassFacts | undefined): Described[] {
    return (ownKeys(prototype) as Key[])
      .filter((key) => key !== 'constructor' && !(facts !== undefined && isMember(prototype, key, facts, false)))
      .map((key) => [key, getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor])
  }

  /** Says whether the property is as the class's text says. */
  #note(holder: object, key: Key, place: { owner: object; isStatic: boolean }, facts: ClassFacts): boolean {
    if (!isMember(holder, key, facts, place.isStatic)) return false
    const { value, get, set } = getOwnPropertyDescriptor(holder, key) as PropertyDescriptor
    for (const [which, method] of [value, get, set].entries()) {
      if (typeof method === 'function') this.#members.set(method, { ...place, key, which: which as 0 | 1 | 2 })
    }
    return true
  }
}

function isMember(holder: object, key: Key, { members }: ClassFacts, isStatic: boolean): boolean {
  const { value, get, set } = getOwnPropertyDescriptor(holder, key) as PropertyDescriptor
  const methods = [value, get, set].filter((method) => method !== undefined) as unknown[]
  const isTextOf = (method: unknown): boolean => {
    if (typeof method !== 'function') return false
    const text = functionText(method as () => void)
    return members.some(
      (member) =>
        member.isStatic === isStatic && member.text === text && (member.key === undefined || member.key === key),
    )
  }
  return methods.length > 0 && methods.every(isTextOf)
}
