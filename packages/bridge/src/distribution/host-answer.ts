import { isCapsuleError } from '@capsule/core'
import { bridgeErrors } from '../errors.ts'
import type { DispatchedOutcome } from './execution-distributor.ts'

/** What a host says of an execution once and for all; other failures are the engine's to retry. */
export type HostAnswer =
  | ({ readonly type: 'outcome' } & DispatchedOutcome)
  /** The session that it continues is not there. */
  | { readonly type: 'session-lost'; readonly host: string }
  /** Every attempt failed before it had an outcome. */
  | { readonly type: 'abandoned'; readonly attempts: number; readonly reason: string }

/** @throws SESSION_HOST_LOST, EXECUTION_ABANDONED */
export function readAnswer(answer: HostAnswer, executionId: string): DispatchedOutcome {
  switch (answer.type) {
    case 'outcome': {
      const { type: _type, ...outcome } = answer
      return outcome
    }
    case 'session-lost':
      throw bridgeErrors.SESSION_HOST_LOST({ host: answer.host })
    case 'abandoned':
      throw bridgeErrors.EXECUTION_ABANDONED({ id: executionId, attempts: answer.attempts, reason: answer.reason })
  }
}

/** The answer of an attempt that is one too many: its host was lost in each before. */
export function answerOfTooMany(attempt: number, maxAttempts: number): HostAnswer | undefined {
  if (attempt <= maxAttempts) return undefined
  return { type: 'abandoned', attempts: maxAttempts, reason: 'its host was lost' }
}

/** Of a run that rejected: the answer, or `undefined` when another attempt is due. */
export function answerOfFailure(
  error: unknown,
  { host, attempt, maxAttempts }: { host: string; attempt: number; maxAttempts: number },
): HostAnswer | undefined {
  if (bridgeErrors.SESSION_HOST_LOST.is(error)) return { type: 'session-lost', host }
  if (attempt < maxAttempts) return undefined
  return { type: 'abandoned', attempts: attempt, reason: reasonOf(error) }
}

export function reasonOf(error: unknown): string {
  if (isCapsuleError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
