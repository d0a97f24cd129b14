import { capabilityLimits } from '@capsule/protocol'
import { executorErrors } from '../errors.ts'
import type { GrantedCapability } from './capability-calls.ts'
import { isPlain } from './is-plain.ts'

/** A call as the cell wrote it, taken apart. */
export interface TakenArguments {
  /** What is sent: without the options of the call, and without what is streamed. */
  readonly args: readonly unknown[]
  readonly signal?: AbortSignal
  readonly idempotencyKey?: string
  readonly timeoutMs?: number
  readonly body?: AsyncIterable<unknown>
}

// cells share `globalThis` with this code and may replace these
const { asyncIterator } = Symbol
const NativeAbortSignal = AbortSignal

type Fields = Record<string, unknown>

/**
 * Every capability takes `signal`, `idempotencyKey` and `timeoutMs` in a last argument that is a plain object. A body that
 * is an async iterable is streamed. @throws CAPABILITY_CALL_INVALID
 */
export function takeArguments(granted: GrantedCapability, given: readonly unknown[]): TakenArguments {
  const { name, body: place } = granted
  const args = [...given]
  const last = args.at(-1)
  const fields: Fields | undefined = isPlain(last) ? { ...last } : undefined
  const { signal, idempotencyKey, timeoutMs, ...rest } = fields ?? {}
  if (fields !== undefined) args[args.length - 1] = rest
  const taken: { -readonly [Key in keyof TakenArguments]: TakenArguments[Key] } = { args }
  if (signal !== undefined && signal !== null) taken.signal = checkedSignal(name, signal)
  if (idempotencyKey !== undefined) taken.idempotencyKey = checkedKey(name, idempotencyKey)
  if (timeoutMs !== undefined) taken.timeoutMs = checkedTimeout(name, timeoutMs)
  if (place === undefined) return taken
  const { field, position } = place
  if (position !== undefined && isStream(args[position])) {
    taken.body = args[position]
    args[position] = undefined
  } else if (fields !== undefined && isStream(rest[field])) {
    taken.body = rest[field]
    delete rest[field]
  }
  return taken
}

function checkedSignal(capability: string, signal: unknown): AbortSignal {
  if (signal instanceof NativeAbortSignal) return signal
  throw invalid(capability, 'signal must be an AbortSignal')
}

function checkedKey(capability: string, key: unknown): string {
  const { keyLength } = capabilityLimits
  if (typeof key === 'string' && key.length > 0 && key.length <= keyLength) return key
  throw invalid(capability, `idempotencyKey must be a string of 1 to ${keyLength} characters`)
}

function checkedTimeout(capability: string, timeoutMs: unknown): number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < Infinity) return timeoutMs
  throw invalid(capability, 'timeoutMs must be a number above 0')
}

const invalid = (capability: string, problem: string): Error =>
  executorErrors.CAPABILITY_CALL_INVALID({ capability, problem })

/** Not bytes or text: those are sent with the call. */
function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && asyncIterator in value
}
