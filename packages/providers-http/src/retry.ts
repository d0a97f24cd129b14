import { httpErrors } from './errors.ts'
import type { HeaderPair } from './request-headers.ts'

export interface RetryRules {
  /** With the first. */
  readonly attempts: number
  readonly statuses: readonly number[]
  readonly baseDelayMs: number
  readonly maxDelayMs: number
}

// RFC 9110, 9.2.2
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export const isIdempotent = (method: string): boolean => idempotentMethods.has(method)

/** Failures that may pass: nothing was answered yet. */
export function isRetriedFailure(error: unknown): boolean {
  return (
    httpErrors.HTTP_CONNECT_FAILED.is(error) ||
    httpErrors.HTTP_CONNECTION_LOST.is(error) ||
    httpErrors.HTTP_RESOLVE_FAILED.is(error)
  )
}

/** Full jitter over an exponential backoff, and never before the server's `retry-after`. */
export function retryDelayMs(
  { baseDelayMs, maxDelayMs }: RetryRules,
  { attempt, jitter, retryAfterMs }: { attempt: number; jitter: number; retryAfterMs: number },
): number {
  return Math.max(jitter * Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1)), retryAfterMs)
}

/** How long the server asks to wait: seconds or a date. 0 where it says nothing that can be read. */
export function retryAfterMs(headers: readonly HeaderPair[], wallTimeMs: number): number {
  const value = headers.find(([name]) => name === 'retry-after')?.[1]
  if (value === undefined) return 0
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? 0 : Math.max(0, date - wallTimeMs)
}
