import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { languageNames } from '../language-names.ts'
import { getOwnPropertyDescriptor, getPrototypeOf, is, ownKeys, SafeMap } from '../primordials.ts'

const { isExtensible } = Object

/** An object that all code of the process shares. */
interface Holder {
  readonly name: string
  readonly object: object
  /** Properties that change by themselves. */
  readonly ignored?: string
}

interface Facts {
  readonly properties: SafeMap<PropertyKey, PropertyDescriptor>
  readonly prototype: object | null
  readonly isExtensible: boolean
}

/** What stands on shared objects, so that it can be told later what cells have changed there. Nothing of it is undone. */
export class HolderFacts {
  readonly #holders: readonly Holder[]
  readonly #facts = new SafeMap<object, Facts>()

  /** `more`: values of the engine's own globals. */
  constructor(more: readonly Holder[]) {
    this.#holders = [...languageHolders(), ...nodeHolders(), ...more]
    for (const { object } of this.#holders) this.#facts.set(object, factsOf(object))
  }

  /** Names what is not as it was. Runs no code of cells, and relies on nothing that they can change. */
  changed(report: (name: string) => void): void {
    for (let index = 0; index < this.#holders.length; index++) {
      const { name, object, ignored } = this.#holders[index] as Holder
      const { properties, prototype, isExtensible: wasExtensible } = this.#facts.get(object) as Facts
      if (getPrototypeOf(object) !== prototype) report(`the prototype of ${name}`)
      if (isExtensible(object) !== wasExtensible) report(`${name}, which is no longer extensible`)
      const keys = ownKeys(object)
      let found = 0
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at] as PropertyKey
        const before = properties.get(key)
        if (before !== undefined) found++
        if (key === ignored) continue
        const now = getOwnPropertyDescriptor(object, key)
        if (now !== undefined && (before === undefined || !isSame(now, before))) report(pathOf(name, key))
      }
      if (found === properties.size) continue
      properties.forEach((_, key) => {
        if (getOwnPropertyDescriptor(object, key) === undefined) report(pathOf(name, key))
      })
    }
  }
}

function languageHolders(): Holder[] {
  const found: Holder[] = []
  const add = (name: string, value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
    found.push({ name, object: value })
    const prototype = getOwnPropertyDescriptor(value, 'prototype')?.value as unknown
    if (typeof prototype === 'object' && prototype !== null)
      found.push({ name: `${name}.prototype`, object: prototype })
  }
  languageNames.forEach((name) => add(name, getOwnPropertyDescriptor(globalThis, name)?.value))
  for (const [name, value] of Object.entries(unnamed())) add(name, value)
  return found
}

/** What the language has and no global leads to. */
function unnamed(): Record<string, unknown> {
  const iterator = getPrototypeOf([][Symbol.iterator]())
  return {
    '%TypedArray%': getPrototypeOf(Uint8Array),
    '%AsyncFunction%': (async () => {}).constructor,
    '%GeneratorFunction%': function* () {}.constructor,
    '%AsyncGeneratorFunction%': async function* () {}.constructor,
    '%ArrayIteratorPrototype%': iterator,
    '%MapIteratorPrototype%': getPrototypeOf(new Map().entries()),
    '%SetIteratorPrototype%': getPrototypeOf(new Set().values()),
    '%StringIteratorPrototype%': getPrototypeOf(''[Symbol.iterator]()),
    '%GeneratorPrototype%': getPrototypeOf(function* () {}.prototype as object),
    '%AsyncGeneratorPrototype%': getPrototypeOf(async function* () {}.prototype as object),
  }
}

function nodeHolders(): Holder[] {
  return [
    // the number of listeners is told apart
    { name: 'process', object: process, ignored: '_eventsCount' },
    { name: 'console', object: console },
    { name: 'EventEmitter.prototype', object: EventEmitter.prototype },
    { name: 'fs', object: fs },
  ]
}

function factsOf(object: object): Facts {
  const properties = new SafeMap<PropertyKey, PropertyDescriptor>()
  for (const key of ownKeys(object)) {
    const property = getOwnPropertyDescriptor(object, key)
    if (property !== undefined) properties.set(key, property)
  }
  return { properties, prototype: getPrototypeOf(object), isExtensible: isExtensible(object) }
}

function isSame(now: PropertyDescriptor, before: PropertyDescriptor): boolean {
  return (
    is(now.value, before.value) &&
    now.get === before.get &&
    now.set === before.set &&
    now.writable === before.writable &&
    now.enumerable === before.enumerable &&
    now.configurable === before.configurable
  )
}

function pathOf(name: string, key: PropertyKey): string {
  return typeof key === 'symbol' ? `${name}[${String(key)}]` : `${name}.${key}`
}
