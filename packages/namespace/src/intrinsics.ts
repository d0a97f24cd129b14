import {
  apply,
  dataDescriptor,
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  matchesPattern,
  ownKeys,
  SafeMap,
  SafeSet,
} from './primordials.ts'

const { setPrototypeOf } = Object

interface Original {
  readonly holder: object
  readonly key: PropertyKey
  readonly value: unknown
}

const globalNames = [
  'Array', 'BigInt', 'Boolean', 'Error', 'Function', 'JSON', 'Map', 'Math', 'Number', 'Object', 'Promise', 'Reflect',
  'RegExp', 'Set', 'String', 'Symbol', 'SyntaxError', 'TypeError', 'Uint8Array', 'WeakMap', 'parseInt',
] // prettier-ignore
const holders: readonly object[] = [
  Array,
  Array.prototype,
  Function.prototype,
  JSON,
  Map.prototype,
  Math,
  Number,
  Object,
  Reflect,
  RegExp.prototype,
  Set.prototype,
  String,
  String.prototype,
  Object.getPrototypeOf([][Symbol.iterator]()) as object,
  Object.getPrototypeOf(new Map().entries()) as object,
  Object.getPrototypeOf(new Set().values()) as object,
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  // of generators, and what all iterators share
  Object.getPrototypeOf(Object.getPrototypeOf(function* () {}.prototype)) as object,
  Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object,
]
/** Whatever a cell adds to these is seen by all objects: a setter there takes what is assigned to a new property. */
const shared = [Object.prototype, Array.prototype, String.prototype, Function.prototype].map((holder) => {
  const keys = new SafeSet<PropertyKey>()
  for (const key of ownKeys(holder)) keys.add(key)
  return { holder, keys }
})

// nothing uses them, and each name costs time in every cell
const skipped =
  /^(?:anchor|big|blink|bold|fixed|fontcolor|fontsize|italics|link|small|strike|sub|sup|toLocale.*|trimLeft|trimRight|locale.*)$/

const originals: readonly Original[] = [
  ...globalNames.map((name) => ({ holder: globalThis, key: name, value: Reflect.get(globalThis, name) as unknown })),
  ...holders.flatMap((holder) =>
    ownKeys(holder).flatMap((key) => {
      const descriptor = skipped.test(String(key)) ? undefined : getOwnPropertyDescriptor(holder, key)
      return typeof descriptor?.value === 'function' && descriptor.configurable
        ? [{ holder, key, value: descriptor.value }]
        : []
    }),
  ),
]

/**
 * Runs library code (the parser) that uses the language as everyone does, although cells may have overwritten it:
 * what they changed is put aside for the call. The function must not run code of cells.
 */
export function withIntrinsics<T>(fn: () => T): T {
  const added = additions()
  if (added === undefined) return withGlobals(fn)
  for (let index = 0; index < added.length; index++) {
    const { holder, key } = added[index] as Addition
    deleteProperty(holder, key)
  }
  try {
    return withGlobals(fn)
  } finally {
    for (let index = 0; index < added.length; index++) {
      const { holder, key, property } = added[index] as Addition
      defineProperty(holder, key, property)
    }
  }
}

function withGlobals<T>(fn: () => T): T {
  try {
    return withReplaced(fn)
  } finally {
    if (aside.size > 0) {
      aside.forEach((property, key) => {
        if (property === undefined) deleteProperty(globalThis, key)
        else defineProperty(globalThis, key, property)
      })
      aside.clear()
    }
  }
}

const indexOrAttribute = /^(?:\d+|get|set|value|writable|enumerable|configurable)$/

/**
 * A property that a cell has fixed on `Object.prototype` or `Array.prototype`, so that not even `withIntrinsics` can put it
 * aside, and that makes arrays or descriptors mean something else. Nothing that is built with them can be relied on.
 */
export function lastingObstacle(): string | undefined {
  for (let index = 0; index < 2; index++) {
    const { holder, keys } = shared[index] as (typeof shared)[number]
    const now = ownKeys(holder)
    for (let at = 0; at < now.length; at++) {
      const key = now[at] as PropertyKey
      if (keys.has(key) || typeof key !== 'string' || !matchesPattern(indexOrAttribute, key)) continue
      if (getOwnPropertyDescriptor(holder, key)?.configurable === false) return key
    }
  }
  return undefined
}

interface Addition {
  readonly holder: object
  readonly key: PropertyKey
  readonly property: PropertyDescriptor
}

function additions(): readonly Addition[] | undefined {
  let added: Addition[] | undefined
  for (let index = 0; index < shared.length; index++) {
    const { holder, keys } = shared[index] as (typeof shared)[number]
    const now = ownKeys(holder)
    // most have many, and each cell that is compiled waits for this
    if (index > 0 && now.length === keys.size) continue
    for (let at = 0; at < now.length; at++) {
      const key = now[at] as PropertyKey
      const property = keys.has(key) ? undefined : getOwnPropertyDescriptor(holder, key)
      if (property === undefined) continue
      apply(setPrototypeOf, undefined, [property, null])
      added ??= []
      defineProperty(added, added.length, dataDescriptor({ holder, key, property }))
    }
  }
  return added
}

function withReplaced<T>(fn: () => T): T {
  for (let index = 0; index < originals.length; index++) {
    if (isChanged(originals[index] as Original)) return withOriginals(changedSince(index), fn)
  }
  return fn()
}

function isChanged({ holder, key, value }: Original): boolean {
  return (holder as Record<PropertyKey, unknown>)[key] !== value
}

function changedSince(first: number): readonly Original[] {
  const changed: Original[] = []
  for (let index = first; index < originals.length; index++) {
    const original = originals[index] as Original
    if (isChanged(original)) defineProperty(changed, changed.length, dataDescriptor(original))
  }
  return changed
}

/** Globals that library code needs, as they are for cells once the call ends; undefined: deleted. */
const aside = new SafeMap<PropertyKey, PropertyDescriptor | undefined>()
const needed = new SafeSet<PropertyKey>()
for (const name of globalNames) needed.add(name)

/** A global as it is for cells; to be called within `withIntrinsics`. */
export function globalProperty(key: PropertyKey): PropertyDescriptor | undefined {
  return aside.has(key) ? aside.get(key) : getOwnPropertyDescriptor(globalThis, key)
}

/** Defines a global for cells; to be called within `withIntrinsics`. */
export function defineGlobal(key: PropertyKey, descriptor: PropertyDescriptor): boolean {
  if (!needed.has(key)) return defineProperty(globalThis, key, descriptor)
  const property = globalProperty(key)
  if (property?.configurable === false) return false
  const isWhole = 'configurable' in descriptor
  aside.set(key, (isWhole ? descriptor : { __proto__: null, ...property, ...descriptor }) as PropertyDescriptor)
  return true
}

export function deleteGlobal(key: PropertyKey): boolean {
  if (!needed.has(key)) return deleteProperty(globalThis, key)
  if (globalProperty(key)?.configurable === false) return false
  aside.set(key, undefined)
  return true
}

function withOriginals<T>(changed: readonly Original[], fn: () => T): T {
  const replaced: (PropertyDescriptor | undefined)[] = []
  for (let index = 0; index < changed.length; index++) {
    const { holder, key, value } = changed[index] as Original
    const property = getOwnPropertyDescriptor(holder, key)
    const isAside = defineProperty(holder, key, dataDescriptor(value))
    defineProperty(replaced, index, dataDescriptor(property))
    if (holder === globalThis && isAside) aside.set(key, property)
  }
  try {
    return apply(fn, undefined, [])
  } finally {
    for (let index = 0; index < changed.length; index++) {
      const { holder, key } = changed[index] as Original
      if (holder === globalThis && aside.has(key)) continue
      const descriptor = replaced[index]
      if (descriptor === undefined) deleteProperty(holder, key)
      else defineProperty(holder, key, descriptor)
    }
  }
}
