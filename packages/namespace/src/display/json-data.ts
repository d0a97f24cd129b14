import { types } from 'node:util'
import { displayLimits } from '@capsule/protocol'
import { getOwnPropertyDescriptor, is, isArray, ownKeys } from '../primordials.ts'
import { isPlainObject } from './mime-bundle.ts'

const { isProxy } = types
const { isFinite } = Number

/** Whether JSON carries the value as it is: plain data, no getters, nothing that JSON would change or leave out. */
export function survivesJson(value: unknown): boolean {
  return survives(value, displayLimits.jsonDepth)
}

// a cycle is deeper than any limit
function survives(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return isFinite(value) && !is(value, -0)
    case 'object':
      return value === null || (depthLeft > 0 && !isProxy(value) && objectSurvives(value, depthLeft - 1))
    default:
      return false
  }
}

function objectSurvives(value: object, depthLeft: number): boolean {
  const isList = isArray(value)
  if (!isList && !isPlainObject(value)) return false
  const keys = ownKeys(value)
  // `length` is the last key of an array without gaps and other properties
  if (isList && keys.length !== value.length + 1) return false
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string | symbol
    if (typeof key === 'symbol' || key === 'toJSON') return false
    if (isList && key === 'length') continue
    const descriptor = getOwnPropertyDescriptor(value, key)
    if (descriptor?.enumerable !== true || !('value' in descriptor)) return false
    if (!survives(descriptor.value, depthLeft)) return false
  }
  return true
}
