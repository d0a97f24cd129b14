import { type Clock, type Logger, silentLogger, systemClock, throwIfAborted, type AbortOptions } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../checked.ts'
import { type CheckpointLimits, limitsSchema } from './checkpoint-limits.ts'
import { type CheckpointRetention, retentionSchema } from './checkpoint-retention.ts'

export interface MemoryCheckpointStoreOptions {
  /** @defaultValue keeps everything */
  readonly retention?: CheckpointRetention
  /** For `retention.maxAgeMs`. */
  readonly clock?: Clock
  /** @defaultValue 256 MiB of blob, 512 MiB of payload, 64 MiB of header */
  readonly limits?: Partial<CheckpointLimits>
}

export interface DirectoryCheckpointStoreOptions extends MemoryCheckpointStoreOptions {
  /** Of the directory; made when it is missing. */
  readonly path: string
  /** Told of files that cannot be read, and of what could not be cleaned up. @defaultValue discards everything */
  readonly logger?: Logger
}

const object = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')

export const memoryStoreOptionsSchema = z.strictObject({
  retention: retentionSchema.optional(),
  clock: object<Clock>().default(systemClock),
  limits: limitsSchema,
})

export const directoryStoreOptionsSchema = memoryStoreOptionsSchema.extend({
  path: z.string().min(1),
  logger: object<Logger>().default(silentLogger),
})
export type ResolvedDirectoryStoreOptions = z.output<typeof directoryStoreOptionsSchema>

const abortOptionsSchema = z.strictObject({ signal: z.instanceof(AbortSignal).optional() })

/** The signal of a call that begins. @throws INVALID_OPTIONS, CANCELLED */
export function signalOf(where: string, options: AbortOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined
  const { signal } = checked(where, abortOptionsSchema.safeParse(options))
  throwIfAborted(signal, where)
  return signal
}
