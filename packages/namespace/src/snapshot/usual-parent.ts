import { getPrototypeOf } from '../primordials.ts'
import { isAsyncFunction, isGeneratorFunction, ownValue } from './natives.ts'

const plain = Function.prototype as object
const async = getPrototypeOf(async () => {}) as object
const generator = getPrototypeOf(function* () {}) as object
const asyncGenerator = getPrototypeOf(async function* () {}) as object

/** What the `prototype` of a generator inherits from. */
export const generatorPrototypes: ReadonlySet<unknown> = new Set([
  ownValue(generator, 'prototype'),
  ownValue(asyncGenerator, 'prototype'),
])

/** What such a function inherits from when nobody has changed it. */
export function usualParent(value: Function): object {
  if (isGeneratorFunction(value)) return isAsyncFunction(value) ? asyncGenerator : generator
  return isAsyncFunction(value) ? async : plain
}
