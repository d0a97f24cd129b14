import { inspect } from 'node:util'
import { sliceText } from './primordials.ts'

export interface ValueText {
  readonly text: string
  readonly truncated: boolean
}

/**
 * A value as `util.inspect` shows it, at most `length` characters. Runs code of the user (`[inspect.custom]`), but
 * never throws; getters and the traps of proxies do not run.
 */
export function textOf(value: unknown, length: number): ValueText {
  return cut(plainText(value) ?? inspected(value, length), length)
}

/** What `util.inspect` gives for the values that most cells end with, at a tenth of its cost. */
function plainText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return value === 0 && 1 / value < 0 ? '-0' : `${value}`
    case 'undefined':
    case 'boolean':
      return `${value}`
    default:
      return undefined
  }
}

function inspected(value: unknown, length: number): string {
  try {
    const isSimple = typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'string'
    const text: unknown = inspect(
      value,
      isSimple ? simple : ({ __proto__: null, ...bounds, maxStringLength: length } as object),
    )
    return typeof text === 'string' ? text : `[${typeof value}]`
  } catch {
    return `[${typeof value}: its inspection failed]`
  }
}

// all given: users may change `util.inspect.defaultOptions`
const bounds = {
  breakLength: 80,
  colors: false,
  compact: 3,
  customInspect: true,
  depth: 2,
  getters: false,
  maxArrayLength: 100,
  numericSeparator: false,
  showHidden: false,
  showProxy: false,
  sorted: false,
} as const
// the others do not matter to numbers and the like, and each costs time
const simple = { __proto__: null, colors: false, numericSeparator: false } as object

export function cut(text: string, length: number): ValueText {
  return text.length <= length ? { text, truncated: false } : { text: sliceText(text, length), truncated: true }
}
