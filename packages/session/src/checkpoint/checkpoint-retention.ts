import * as z from 'zod'
import type { CheckpointSummary } from './checkpoint-store.ts'

/** What a store keeps; applied after each save. What it does not name has no bound. */
export interface CheckpointRetention {
  /** The newest so many. */
  readonly maxCheckpoints?: number
  /** The newest whose blobs have, together, at most so many bytes. */
  readonly maxBytes?: number
  /** Milliseconds since `createdAtMs`. */
  readonly maxAgeMs?: number
  /** Those with a name stay, and count for nothing here. @defaultValue false */
  readonly keepNamed?: boolean
}

export const retentionSchema = z.strictObject({
  maxCheckpoints: z.number().int().positive().optional(),
  maxBytes: z.number().int().nonnegative().optional(),
  maxAgeMs: z.number().nonnegative().optional(),
  keepNamed: z.boolean().optional(),
})

export interface RetentionMoment {
  readonly savedId: string
  readonly nowMs: number
}

/**
 * What goes, of a list with the newest first; never the one just saved, which may stand anywhere in it. Each is judged by
 * its place alone: two processes that save at once then never delete each other's newest.
 */
export function findExpired(
  newestFirst: readonly CheckpointSummary[],
  retention: z.output<typeof retentionSchema>,
  { savedId, nowMs }: RetentionMoment,
): CheckpointSummary[] {
  const { maxCheckpoints = Infinity, maxBytes = Infinity, maxAgeMs = Infinity, keepNamed = false } = retention
  let bytes = 0
  return newestFirst
    .filter(({ name }) => !keepNamed || name === undefined)
    .filter(({ id, sizeBytes, createdAtMs }, index) => {
      bytes += sizeBytes
      const isKept = index < maxCheckpoints && bytes <= maxBytes && nowMs - createdAtMs <= maxAgeMs
      return !isKept && id !== savedId
    })
}
