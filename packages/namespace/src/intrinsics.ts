import {
  apply,
  dataDescriptor,
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  ownKeys,
} from './primordials.ts'

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
  Map.prototype,
  Object,
  RegExp.prototype,
  Set.prototype,
  String,
  String.prototype,
  Object.getPrototypeOf([][Symbol.iterator]()) as object,
  Object.getPrototypeOf(new Map().entries()) as object,
  Object.getPrototypeOf(new Set().values()) as object,
]

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

function withOriginals<T>(changed: readonly Original[], fn: () => T): T {
  const replaced: (PropertyDescriptor | undefined)[] = []
  for (let index = 0; index < changed.length; index++) {
    const { holder, key, value } = changed[index] as Original
    defineProperty(replaced, index, dataDescriptor(getOwnPropertyDescriptor(holder, key)))
    defineProperty(holder, key, dataDescriptor(value))
  }
  try {
    return apply(fn, undefined, [])
  } finally {
    for (let index = 0; index < changed.length; index++) {
      const { holder, key } = changed[index] as Original
      const descriptor = replaced[index]
      if (descriptor === undefined) deleteProperty(holder, key)
      else defineProperty(holder, key, descriptor)
    }
  }
}
