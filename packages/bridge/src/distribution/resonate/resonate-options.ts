import { type Clock, type Logger, silentLogger, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import { serverUrlSchema, tokenSchema } from '../../server-address.ts'

export interface ResonateDistributorOptions {
  /** @defaultValue 'http://127.0.0.1:8001' */
  readonly url?: string
  readonly token?: string
  /** Keeps apart what uses one server: `[A-Za-z0-9]{1,32}`. @defaultValue 'capsule' */
  readonly namespace?: string
  /** A host that is not heard of for as long loses what it runs, and after twice as long it is lost. @defaultValue 15_000 */
  readonly leaseMs?: number
  /** Runs that end without an outcome, until the execution is given up. @defaultValue 10 */
  readonly maxAttempts?: number
  /** From the dispatch on; then nobody runs it any more. @defaultValue 24 hours */
  readonly expiresAfterMs?: number
  /** How long a dispatch goes on asking a server that does not answer. @defaultValue 60_000 */
  readonly unavailableAfterMs?: number
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
}

const durationSchema = z.number().positive()
const optionsSchema = z.strictObject({
  url: serverUrlSchema.default('http://127.0.0.1:8001'),
  token: tokenSchema.optional(),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9]{1,32}$/)
    .default('capsule'),
  leaseMs: z.number().int().min(500).default(15_000),
  maxAttempts: z.number().int().min(1).default(10),
  expiresAfterMs: durationSchema.default(24 * 60 * 60_000),
  unavailableAfterMs: durationSchema.default(60_000),
  clock: z.custom<Clock>().default(systemClock),
  logger: z.custom<Logger>().default(silentLogger),
})

export type ResolvedResonateOptions = z.output<typeof optionsSchema>

/** @throws INVALID_OPTIONS */
export function resolveResonateOptions(options: ResonateDistributorOptions): ResolvedResonateOptions {
  return checked('createResonateDistributor()', optionsSchema.safeParse(options))
}
