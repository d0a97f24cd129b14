import { encodeValue } from '@capsule/protocol'
import { isPlain } from './is-plain.ts'

// cells share `globalThis` with this code and may replace it
const { entries } = Object

interface SendLimits {
  readonly bytes: number
  readonly depth: number
}

/** Which argument, or field of one, cannot be sent: `argument 2, headers (Headers), cannot be sent: ...`. */
export function describeUnsendable(args: readonly unknown[], limits: SendLimits): string {
  const index = args.findIndex((arg) => !isSendable(arg, limits))
  const what = index === -1 ? 'the arguments together' : `argument ${index + 1}${describeValue(args[index], limits)}`
  const { bytes, depth } = limits
  return `${what} cannot be sent: give plain data and bytes, at most ${bytes} bytes and ${depth} levels`
}

function isSendable(value: unknown, limits: SendLimits): boolean {
  return encodeValue(value, limits)?.truncated === false
}

function describeValue(value: unknown, limits: SendLimits): string {
  if (!isPlain(value)) return ` (${kindOf(value)})`
  const field = entries(value).find(([, each]) => !isSendable(each, limits))
  return field === undefined ? '' : `, ${field[0]} (${kindOf(field[1])}),`
}

/** `Headers`, `function`; only for the eyes of the cell that made it. */
function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value
  const { constructor } = value
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'object'
}
