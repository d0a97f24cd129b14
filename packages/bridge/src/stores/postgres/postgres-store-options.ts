import { type AbortOptions, type Clock, systemClock } from '@capsule/core'
import * as z from 'zod'
import { objectSchema, persistentRetentionSchema, type StoreRetention } from '../store-options.ts'
import type { PostgresPool } from './postgres-pool.ts'

export interface PostgresStoreOptions extends AbortOptions {
  /** What `new pg.Pool()` takes, or a connection string. The store has a pool of its own then, of 4 unless `max` is given. */
  readonly connection?: string | Readonly<Record<string, unknown>>
  /** Instead of `connection`: a `Pool` of `pg` with at least two connections; it stays open when the store is closed. */
  readonly pool?: PostgresPool
  /** Made when it is missing, as is the table `durable_promises` in it. @defaultValue 'capsule' */
  readonly schema?: string
  /** Applied by every host that settles, with a tenth of slack. */
  readonly retention?: StoreRetention
  /** For how long a call is tried again while the database does not answer, in milliseconds. @defaultValue 10 000 */
  readonly retryMs?: number
  readonly clock?: Clock
}

/** PostgreSQL cuts longer names silently: two schemas could be one. */
const longestNameBytes = 63

/** One connection listens: with no other every call would wait for it. */
const hasRoom = (options: unknown): boolean => {
  const { max } = (options ?? {}) as { max?: unknown }
  return typeof max !== 'number' || max >= 2
}

export const postgresStoreOptionsSchema = z
  .strictObject({
    connection: z
      .union([z.string().min(1), objectSchema<Readonly<Record<string, unknown>>>()])
      .refine(hasRoom, 'needs a `max` of at least 2')
      .optional(),
    pool: objectSchema<PostgresPool>()
      .refine((pool) => hasRoom((pool as { options?: unknown }).options), 'needs at least 2 connections')
      .optional(),
    schema: z
      .string()
      .min(1)
      .refine((name) => !name.includes('\0') && Buffer.byteLength(name) <= longestNameBytes, 'must be 1 to 63 bytes')
      .default('capsule'),
    retention: persistentRetentionSchema,
    retryMs: z.number().nonnegative().default(10_000),
    clock: objectSchema<Clock>().default(systemClock),
    signal: z.instanceof(AbortSignal).optional(),
  })
  .refine(
    ({ connection, pool }) => (connection === undefined) !== (pool === undefined),
    'needs a `connection` or a `pool`',
  )

export type ResolvedPostgresStoreOptions = z.output<typeof postgresStoreOptionsSchema>
