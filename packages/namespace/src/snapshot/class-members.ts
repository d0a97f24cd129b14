import type { ClassFacts } from '../compile/function-facts.ts'
import { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } from '../primordials.ts'
import { functionText, isExtensible, isGeneratorFunction, ownValue, symbolDescription } from './natives.ts'
import { usualParent } from './usual-parent.ts'
import type { Key } from './record-target.ts'

export interface ClassMember {
  readonly owner: object
  readonly isStatic: boolean
  readonly key: Key
  /** 0 the value, 1 the getter, 2 the setter. */
  readonly which: 0 | 1 | 2
}

/** The methods of the classes met so far: they come with their class, and keep their identity. */
export class ClassMembers {
  readonly #members = new Map<unknown, ClassMember>()

  find(value: unknown): ClassMember | undefined {
    return this.#members.get(value)
  }

  /** Notes the members of a class, and returns the keys of its own properties that are not as its text says. */
  take(owner: object, facts: ClassFacts): Key[] {
    const prototype = ownValue(owner, 'prototype') as object
    for (const key of ownKeys(prototype) as Key[]) {
      if (key !== 'constructor') this.#note(prototype, key, { owner, isStatic: false }, facts)
    }
    return (ownKeys(owner) as Key[]).filter(
      (key) => key !== 'prototype' && !this.#note(owner, key, { owner, isStatic: true }, facts),
    )
  }

  /** The keys of a `prototype` that its text does not say. */
  prototypeOverrides(prototype: object, facts: ClassFacts | undefined): Key[] {
    return (ownKeys(prototype) as Key[]).filter(
      (key) => key !== 'constructor' && !(facts !== undefined && isMember(prototype, key, facts, false)),
    )
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

/** A method that the text of the class has and the class has not (any more): evaluating the text would bring it back. */
export function deletedMember(owner: object, { members }: ClassFacts): string | undefined {
  const prototype = ownValue(owner, 'prototype') as object
  let texts: ReadonlySet<string> | undefined
  for (const { isStatic, key, text } of members) {
    if (key === undefined) texts ??= new Set([...textsOf(prototype), ...textsOf(owner)])
    const isThere =
      key === undefined ? texts?.has(text) : getOwnPropertyDescriptor(isStatic ? owner : prototype, key) !== undefined
    if (isThere !== true) return key ?? text.slice(0, 40)
  }
  return undefined
}

function* textsOf(holder: object): Generator<string, void> {
  for (const key of ownKeys(holder)) {
    for (const method of methodsOf(holder, key as Key)) {
      if (typeof method === 'function') yield functionText(method as () => void)
    }
  }
}

function methodsOf(holder: object, key: Key): unknown[] {
  const { value, get, set } = getOwnPropertyDescriptor(holder, key) as PropertyDescriptor
  return [value, get, set].filter((method) => method !== undefined)
}

function isMember(holder: object, key: Key, { members }: ClassFacts, isStatic: boolean): boolean {
  const property = getOwnPropertyDescriptor(holder, key) as PropertyDescriptor
  // as a class makes it
  const isAsMade = property.configurable === true && property.writable !== false
  if (property.enumerable === true || (!isAsMade && isExtensible(holder))) return false
  const methods = methodsOf(holder, key)
  const shown =
    typeof key === 'string' ? key : symbolDescription(key) === undefined ? '' : `[${symbolDescription(key)}]`
  const isTextOf = (method: unknown): boolean => {
    if (typeof method !== 'function') return false
    const prefix = method === property.get ? 'get ' : method === property.set ? 'set ' : ''
    if (!isUntouched(method, prefix + shown)) return false
    const text = functionText(method as () => void)
    return members.some(
      (member) =>
        member.isStatic === isStatic && member.text === text && (member.key === undefined || member.key === key),
    )
  }
  return methods.length > 0 && methods.every(isTextOf)
}

/** A method that was changed is no longer what its class's text says. */
function isUntouched(method: Function, name: string): boolean {
  const isGenerator = isGeneratorFunction(method)
  if (!isExtensible(method) || ownKeys(method).length !== (isGenerator ? 3 : 2)) return false
  if (ownValue(method, 'name') !== name || typeof ownValue(method, 'length') !== 'number') return false
  const prototype = isGenerator ? ownValue(method, 'prototype') : undefined
  if (isGenerator && (typeof prototype !== 'object' || prototype === null || ownKeys(prototype).length > 0))
    return false
  return getPrototypeOf(method) === usualParent(method)
}
