import type { Outcome, OutcomeError } from './outcome.ts'

/** A cell that each worker runs before it is used. */
export interface WarmupCell {
  readonly code: string
  /** What `info().warmup` calls it; 1 to 256 characters. @defaultValue `warm-up cell N`, counted from 0 */
  readonly label?: string | undefined
  /** The session starts without what it would have done; a worker that dies in it fails the start all the same. @defaultValue false */
  readonly isOptional?: boolean | undefined
}

/** What became of one warm-up cell. */
export interface WarmupReport {
  readonly label: string
  readonly status: Outcome['status']
  readonly durationMs: number
  readonly error?: OutcomeError
}
