import { type Clock, systemClock } from '@capsule/core'
import * as z from 'zod'

/** What of the settled promises is kept, so that a retry is answered from the record. Pending ones are never removed. */
export interface StoreRetention {
  /** Milliseconds for which a settled promise is kept, at most `Number.MAX_SAFE_INTEGER`. @defaultValue 1 hour in memory, 7 days in stores that persist */
  readonly settledMs?: number
  /** Of more settled promises the oldest are removed. @defaultValue 10 000 in memory, 1 000 000 in stores that persist */
  readonly maxSettled?: number
}

export interface MemoryStoreOptions {
  readonly retention?: StoreRetention
  readonly clock?: Clock
}

export const objectSchema = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')

const retentionSchema = (settledMs: number, maxSettled: number) =>
  z
    .strictObject({
      settledMs: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER).default(settledMs),
      maxSettled: z.number().int().nonnegative().default(maxSettled),
    })
    .prefault({})

const memoryRetentionSchema = retentionSchema(3_600_000, 10_000)
export const persistentRetentionSchema = retentionSchema(7 * 24 * 3_600_000, 1_000_000)

export const memoryStoreOptionsSchema = z.strictObject({
  retention: memoryRetentionSchema,
  clock: objectSchema<Clock>().default(systemClock),
})

export type Retention = z.output<typeof memoryRetentionSchema>
