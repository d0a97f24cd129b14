import type { CapabilityAnswer } from '@capsule/session'
import type { BridgedOutcome } from './bridge.ts'

/** What the record of an execution has. */
export function isBridgedOutcome(value: unknown): value is BridgedOutcome {
  if (!isObject(value)) return false
  const { outcome, attempt } = value
  return isObject(outcome) && typeof outcome['status'] === 'string' && typeof attempt === 'number'
}

/** What the record of a question has; `null` is the end of the input. */
export function isAnswer(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

/** What the record of a call has. */
export function isCapabilityAnswer(value: unknown): value is CapabilityAnswer {
  if (!isObject(value)) return false
  return value['kind'] === 'value' ? value['value'] instanceof Uint8Array : value['kind'] === 'error'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
