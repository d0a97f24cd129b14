import { apply, dataDescriptor, defineProperty, deleteProperty, getOwnPropertyDescriptor, ownKeys } from './primordials.ts'

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

const originals: readonly Original[] = [
  ...globalNames.map((name) => ({ holder: globalThis, key: name, value: Reflect.get(globalThis, name) as unknown })),
  ...holders.flatMap((holder) =>
    ownKeys(holder).flatMap((key) => {
      const descriptor = getOwnPropertyDescriptor(holder, key)
      return typeof descriptor?.value === 'function' && descriptor.configurable ? [{ holder, key, value: descriptor.value }] : []
    }),
  ),
]

/**
 * Runs library code (the parser) that uses the language as everyone does, although cells may have overwritten it:
 * what they changed is put aside for the call. The function must not run code of cells.
 */
export function withIntrinsics<T>(fn: () => T): T {
  const changed: Original[] = []
  let count = 0
  for (let index = 0; index < originals.length; index++) {
    const original = originals[index] as Original
    if ((original.holder as Record<PropertyKey, unknown>)[original.key] !== original.value) {
      defineProperty(changed, count++, dataDescriptor(original))
    }
  }
  return count === 0 ? fn() : withOriginals(changed, fn)
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
