import { availableParallelism } from 'node:os'
import { type Clock, coreErrors, type IdSource, type Logger, silentLogger, systemClock } from '@capsule/core'
import * as z from 'zod'
import type { CreatePoolOptions } from './create-pool.ts'
import type { AcquireOptions, HealthOptions } from './pool.ts'

const callback = <T>(): z.ZodType<T> => z.custom<T>((value) => typeof value === 'function', 'must be a function')
const object = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')
const signalSchema = z.custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal')
const countSchema = z.number().int().nonnegative()
const limitSchema = z.union([z.number().positive(), z.literal(Infinity)])

const backoffShape = { initialBackoffMs: z.number().positive().default(500), maxBackoffMs: limitSchema.default(30_000) }
const consecutiveSchema = z.strictObject({
  strategy: z.literal('consecutive').default('consecutive'),
  failures: z.number().int().positive().default(5),
  ...backoffShape,
})
const rateSchema = z.strictObject({
  strategy: z.literal('rate'),
  failureRatio: z.number().gt(0).lt(1).default(0.5),
  windowMs: z.number().positive().default(10_000),
  minStarts: z.number().int().positive().default(5),
  ...backoffShape,
})

const poolOptionsSchema = z
  .strictObject({
    createSession: callback<CreatePoolOptions['createSession']>(),
    mayReuse: callback<NonNullable<CreatePoolOptions['mayReuse']>>().default(() => () => true),
    onClosed: callback<NonNullable<CreatePoolOptions['onClosed']>>().optional(),
    clock: object<Clock>().default(systemClock),
    logger: object<Logger>().default(silentLogger),
    ids: object<IdSource>().optional(),
    minIdle: countSchema.default(0),
    maxSessions: z.number().int().positive().optional(),
    idleTimeoutMs: limitSchema.default(60_000),
    reset: z.enum(['recycle', 'namespace']).default('recycle'),
    recycleAfterExecutions: limitSchema.default(Infinity),
    maxSessionAgeMs: limitSchema.default(Infinity),
    maxLeaseMs: limitSchema.default(Infinity),
    warmup: z
      .strictObject({
        code: z
          .union([z.string(), z.array(z.string())])
          .transform((code) => (typeof code === 'string' ? [code] : code))
          .default([]),
        imports: z
          .array(
            z.union([
              z
                .string()
                .min(1)
                .transform((module) => ({ module, isRequired: false })),
              z.strictObject({ module: z.string().min(1), isRequired: z.boolean().default(false) }),
            ]),
          )
          .default([]),
      })
      .prefault({}),
    memoryBudget: z
      .strictObject({ perSessionBytes: limitSchema.default(Infinity), totalBytes: limitSchema.default(Infinity) })
      .optional(),
    breaker: z.union([consecutiveSchema, rateSchema]).prefault({}),
    health: z
      .strictObject({
        intervalMs: limitSchema.default(30_000),
        timeoutMs: z.number().positive().default(5000),
        maxEventLoopDelayMs: limitSchema.default(2000),
        check: callback<NonNullable<HealthOptions['check']>>().optional(),
      })
      .prefault({}),
    maxConcurrentStarts: z.number().int().positive().default(Math.min(4, availableParallelism())),
    maxWaiting: countSchema.default(10_000),
  })
  .refine(({ minIdle, maxSessions }) => maxSessions === undefined || minIdle <= maxSessions, {
    path: ['minIdle'],
    message: 'must not be more than `maxSessions`',
  })

const defaultMaxSessions = 4
const defaultAcquireTimeoutMs = 30_000

export type ResolvedPoolOptions = z.output<typeof poolOptionsSchema> & { readonly maxSessions: number }

/** @throws INVALID_OPTIONS */
export function resolvePoolOptions(options: CreatePoolOptions): ResolvedPoolOptions {
  const parsed = checked('createPool()', poolOptionsSchema.safeParse(options))
  return { ...parsed, maxSessions: parsed.maxSessions ?? Math.max(defaultMaxSessions, parsed.minIdle) }
}

const acquireOptionsSchema = z.strictObject({ signal: signalSchema.optional(), timeoutMs: limitSchema.optional() })

/** @throws INVALID_OPTIONS */
export function resolveAcquireOptions(options: AcquireOptions | undefined): AcquireOptions & { timeoutMs: number } {
  // most calls give none, and this is the hot path
  if (options === undefined) return { timeoutMs: defaultAcquireTimeoutMs }
  checked('acquire()', acquireOptionsSchema.safeParse(options))
  return { ...options, timeoutMs: options.timeoutMs ?? defaultAcquireTimeoutMs }
}

const shutdownOptionsSchema = z.strictObject({ graceMs: z.number().nonnegative().default(2000) })

/** @throws INVALID_OPTIONS */
export function resolveShutdownOptions(options: { graceMs?: number }): { graceMs: number } {
  return checked('shutdown()', shutdownOptionsSchema.safeParse(options))
}

function checked<T>(where: string, result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw coreErrors.INVALID_OPTIONS({ where, problems })
}
