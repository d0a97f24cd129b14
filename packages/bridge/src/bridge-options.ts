import { type Clock, createRandomIds, type IdSource, type Logger, silentLogger, systemClock } from '@capsule/core'
import * as z from 'zod'
import type { CloseBridgeOptions, CreateBridgeOptions } from './bridge.ts'
import { checked } from './checked.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'

const object = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')
const countSchema = z.number().int().positive()
const durationSchema = z.number().nonnegative()
const mebibyte = 1024 * 1024
const dayMs = 24 * 60 * 60_000

const bridgeOptionsSchema = z.strictObject({
  store: object<DurablePromiseStore>(),
  namespace: z.string().default('capsule'),
  clock: object<Clock>().default(systemClock),
  logger: object<Logger>().default(silentLogger),
  ids: object<IdSource>().optional(),
  maxPending: countSchema.default(10_000),
  retention: z
    .strictObject({
      entries: z.number().int().nonnegative().default(1000),
      bytes: z
        .number()
        .nonnegative()
        .default(16 * mebibyte),
      ttlMs: durationSchema.default(600_000),
    })
    .prefault({}),
  promiseTimeoutMs: z
    .number()
    .positive()
    .default(7 * dayMs),
  storeGraceMs: durationSchema.default(5000),
  storeRetryMs: durationSchema.default(30_000),
  maxValueBytes: countSchema.default(8 * mebibyte),
})

const reasonSchema = z.strictObject({ reason: z.string().optional() })
const closeSchema = reasonSchema.extend({ drainMs: durationSchema.or(z.literal(Infinity)).optional() })

export type ResolvedBridgeOptions = Omit<z.output<typeof bridgeOptionsSchema>, 'ids'> & { readonly ids: IdSource }

/** @throws INVALID_OPTIONS */
export function resolveBridgeOptions(options: CreateBridgeOptions): ResolvedBridgeOptions {
  const parsed = checked('createBridge()', bridgeOptionsSchema.safeParse(options))
  return { ...parsed, ids: parsed.ids ?? createRandomIds() }
}

/** @throws INVALID_OPTIONS */
export function checkReason(where: string, options: { reason?: string }): { reason?: string | undefined } {
  return checked(where, reasonSchema.safeParse(options))
}

/** @throws INVALID_OPTIONS */
export function checkCloseOptions(options: CloseBridgeOptions): {
  [Key in keyof CloseBridgeOptions]: CloseBridgeOptions[Key] | undefined
} {
  return checked('bridge.close()', closeSchema.safeParse(options))
}
