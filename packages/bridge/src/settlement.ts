import { type CapsuleError, isCapsuleError } from '@capsule/core'
import { openValue, sealValue } from './envelope.ts'
import { bridgeErrors } from './errors.ts'
import type { DurableRecord, SettleDurablePromise } from './stores/durable-promise-store.ts'

/** How a promise ended, as callers here are told. */
export type Settlement<T> =
  | { readonly state: 'resolved'; readonly value: T }
  | { readonly state: 'rejected' | 'timedout' | 'canceled'; readonly error: CapsuleError }

// unit: characters; a failure that cannot be recorded would leave its promise to nobody
const reasonLimit = 4096

interface RecordedError {
  readonly code: string
  readonly message: string
  readonly details: unknown
}

/**
 * As the store keeps it. A time limit that was noticed here is a rejection with its details: the store's own `timedout` has none.
 * @throws VALUE_NOT_RECORDED
 */
export function sealSettlement(id: string, settlement: Settlement<unknown>, limitBytes: number): SettleDurablePromise {
  if (settlement.state === 'resolved') {
    return { id, state: 'resolved', value: sealValue(id, settlement.value, limitBytes) }
  }
  const { code, message, details } = settlement.error
  const error: RecordedError = { code, message, details }
  return {
    id,
    state: settlement.state === 'canceled' ? 'canceled' : 'rejected',
    value: sealValue(id, error, limitBytes),
  }
}

/** @throws RECORD_MALFORMED */
export function openSettlement<T>(record: DurableRecord, isValue: (value: unknown) => value is T): Settlement<T> {
  const { id, state, value } = record
  switch (state) {
    case 'resolved': {
      const opened = openValue(id, value)
      if (!isValue(opened)) throw bridgeErrors.RECORD_MALFORMED({ id, problem: 'it has another form' })
      return { state, value: opened }
    }
    case 'rejected': {
      const error = revived(id, openValue(id, value))
      return { state: bridgeErrors.PROMISE_TIMED_OUT.is(error) ? 'timedout' : state, error }
    }
    case 'canceled':
      return { state, error: revived(id, openValue(id, value)) }
    case 'timedout':
    case 'pending': {
      const timeoutMs = record.timeoutAtMs - record.createdAtMs
      return { state: 'timedout', error: bridgeErrors.PROMISE_TIMED_OUT({ id, timeoutMs }) }
    }
  }
}

/** @throws what it was rejected with */
export function valueOf<T>(settlement: Settlement<T>): T {
  if (settlement.state === 'resolved') return settlement.value
  throw settlement.error
}

export function cancellation(id: string, reason: string): Settlement<never> & { state: 'canceled' } {
  return { state: 'canceled', error: bridgeErrors.PROMISE_CANCELLED({ id, reason }) }
}

/** What is thrown, as an error that can be recorded. */
export function recordableError(id: string, error: unknown): CapsuleError {
  if (isCapsuleError(error) && Object.hasOwn(bridgeErrors, error.code)) return error
  return bridgeErrors.SEND_FAILED({ id, reason: textOf(error).slice(0, reasonLimit) }, { cause: error })
}

function textOf(error: unknown): string {
  if (isCapsuleError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function revived(id: string, recorded: unknown): CapsuleError {
  const { code, message, details } = (typeof recorded === 'object' && recorded !== null ? recorded : {}) as {
    [Key in keyof RecordedError]?: unknown
  }
  const known = typeof code === 'string' && Object.hasOwn(bridgeErrors, code)
  if (known && typeof details === 'object' && details !== null) {
    try {
      return bridgeErrors[code as keyof typeof bridgeErrors](details as never)
    } catch {
      // details of another release, or of nobody
    }
  }
  return bridgeErrors.SEND_FAILED({ id, reason: typeof message === 'string' ? message : 'for an unknown reason' })
}
