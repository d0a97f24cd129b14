import {
  type AbortOptions,
  type Clock,
  coreErrors,
  createRandomIds,
  type IdSource,
  type Logger,
  silentLogger,
  systemClock,
} from '@capsule/core'
import {
  type HostMessage,
  settingsFromEnv,
  streamLimits,
  type WorkerSettings,
  workerSettingsSchema,
} from '@capsule/protocol'
import * as z from 'zod'
import { checked } from './checked.ts'
import type { CapabilityGrants } from './capabilities/capability-grants.ts'
import { checkpointPolicySchema } from './checkpoint/checkpoint-policy.ts'
import type { Interceptor } from './interceptor.ts'
import type {
  BridgeFigures,
  CheckpointOptions,
  ConnectWorker,
  ExecuteOptions,
  RestoreOptions,
  RunOptions,
  Session,
  SessionOptions,
} from './session.ts'
import type { WarmupCell } from './warmup-cell.ts'

export interface CreateSessionOptions extends SessionOptions {
  readonly connect: ConnectWorker<HostMessage>
  /** Told by `info()`. @defaultValue 'none' */
  readonly isolation?: string
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
  readonly ids?: IdSource
  readonly sessionId?: string
  /** Answers the capability calls of cells. @defaultValue cells have none, and may ask for input */
  readonly grants?: CapabilityGrants
  /** Told by `info().bridge`. */
  readonly bridge?: () => BridgeFigures
  /** Starts the second session of a fork, with the same options. @defaultValue a session over the same `connect` */
  readonly startFork?: (options: AbortOptions) => Promise<Session>
  /** Called at the end of `shutdown()`, which waits for it: the last worker is gone. */
  readonly onClosed?: () => void | Promise<void>
}

const callback = <T>(): z.ZodType<T> => z.custom<T>((value) => typeof value === 'function', 'must be a function')
const object = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')
const signalSchema = z.custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal').optional()
const durationSchema = z.number().nonnegative()
const timeoutSchema = z.union([z.number().positive(), z.literal(Infinity)])

const aloneCooperativeMs = 30
/** Terminating one of several cells ends the others: a cell that blocks them for a moment gets the time to yield. */
const sharedCooperativeMs = 250

const warmupCellSchema = z.strictObject({
  code: z.string(),
  // it is kept in every `info()`
  label: z.string().min(1).max(256).optional(),
  isOptional: z.boolean().optional(),
})

const sessionOptionsSchema = z.strictObject({
  connect: callback<ConnectWorker<HostMessage>>(),
  isolation: z.string().default('none'),
  clock: object<Clock>().default(systemClock),
  logger: object<Logger>().default(silentLogger),
  ids: object<IdSource>().optional(),
  sessionId: z.string().optional(),
  grants: object<CapabilityGrants>().optional(),
  bridge: callback<() => BridgeFigures>().optional(),
  startFork: callback<(options: AbortOptions) => Promise<Session>>().optional(),
  onClosed: callback<() => void | Promise<void>>().optional(),
  signal: signalSchema,
  settings: z.strictObject(workerSettingsSchema.partial().shape).default({}),
  timeoutMs: timeoutSchema.default(Infinity),
  cooperativeMs: durationSchema.optional(),
  graceMs: durationSchema.default(2000),
  readyTimeoutMs: timeoutSchema.default(10_000),
  shutdownGraceMs: durationSchema.default(2000),
  outputWindowBytes: z
    .number()
    .int()
    .positive()
    .default(256 * 1024),
  warmup: z.array(z.union([z.string().transform((code): WarmupCell => ({ code })), warmupCellSchema])).default([]),
  restartOnCrash: z.boolean().default(true),
  maxConcurrentExecutions: z.number().int().min(1).default(1),
  checkpoints: checkpointPolicySchema,
  maxQueued: z.number().int().nonnegative().default(1000),
  idempotency: z
    .strictObject({
      entries: z.number().int().positive().default(256),
      ttlMs: timeoutSchema.default(10 * 60_000),
      eventBytes: z
        .number()
        .int()
        .nonnegative()
        .default(1024 * 1024),
    })
    .prefault({}),
  maxStreams: z.number().int().nonnegative().default(streamLimits.maxStreams),
  interceptors: z.array(object<Interceptor>()).default([]),
  interceptorBudget: z
    .strictObject({
      perMessageMs: z.number().positive().default(5),
      burstMs: z.number().positive().default(250),
      share: z.number().min(0).max(1).default(0.2),
    })
    .prefault({}),
  codecs: z
    .array(z.enum(['msgpack', 'json']))
    .min(1)
    .default(['msgpack', 'json']),
})

const executeOptionsShape = z.strictObject({
  signal: signalSchema,
  timeoutMs: timeoutSchema.optional(),
  graceMs: durationSchema.optional(),
  filename: z.string().optional(),
  language: z.enum(['auto', 'js', 'jsx', 'ts', 'tsx']).optional(),
  route: z.enum(['auto', 'threaded', 'async']).optional(),
  storeHistory: z.boolean().optional(),
  transaction: z.enum(['commit-always', 'rollback-on-failure', 'rollback-always']).optional(),
  queue: z.boolean().optional(),
  // it is kept as long as what it stands for
  idempotencyKey: z.string().min(1).max(256).optional(),
  replay: z.boolean().optional(),
})
const runOptionsShape = executeOptionsShape.extend({
  onInput: callback<NonNullable<RunOptions['onInput']>>().optional(),
  onApproval: callback<NonNullable<RunOptions['onApproval']>>().optional(),
  onEvent: callback<NonNullable<RunOptions['onEvent']>>().optional(),
  maxOutputLength: z.number().nonnegative().optional(),
})

type ParsedOptions = z.output<typeof executeOptionsShape>
const replaysKey = ({ replay, idempotencyKey }: ParsedOptions): boolean => !replay || idempotencyKey !== undefined
const needsKey = { path: ['replay'], message: 'needs an idempotencyKey' }
const executeOptionsSchema = executeOptionsShape.refine(replaysKey, needsKey)
const runOptionsSchema = runOptionsShape.refine(replaysKey, needsKey)

type ForkableOptions = CreateSessionOptions & Required<Pick<CreateSessionOptions, 'startFork'>>

export type ResolvedOptions = Omit<
  z.output<typeof sessionOptionsSchema>,
  'settings' | 'ids' | 'sessionId' | 'cooperativeMs' | 'startFork'
> & {
  readonly startFork: ForkableOptions['startFork']
  readonly cooperativeMs: number
  readonly settings: Partial<WorkerSettings>
  readonly ids: IdSource
  readonly sessionId: string
}

/** Checks what a user gave and fills in the rest; `CAPSULE_*` variables give defaults. @throws INVALID_OPTIONS */
export function resolveOptions(options: ForkableOptions): ResolvedOptions {
  const parsed = checked('createSession()', sessionOptionsSchema.safeParse(options))
  const ids = parsed.ids ?? createRandomIds()
  const settings = { ...settingsFromEnv(process.env), ...withoutUndefined(parsed.settings) }
  const { cooperativeMs = parsed.maxConcurrentExecutions > 1 ? sharedCooperativeMs : aloneCooperativeMs } = parsed
  const { startFork } = options
  return { ...parsed, startFork, cooperativeMs, ids, settings, sessionId: parsed.sessionId ?? ids.next('session') }
}

/** @throws INVALID_OPTIONS */
export function checkExecuteOptions(code: unknown, options: ExecuteOptions | undefined): void {
  checkCode('execute()', code)
  // most calls give none, and this is the hot path
  if (options !== undefined) checked('execute()', executeOptionsSchema.safeParse(options))
}

/** @throws INVALID_OPTIONS */
export function checkRunOptions(code: unknown, options: RunOptions): void {
  checkCode('run()', code)
  checked('run()', runOptionsSchema.safeParse(options))
}

const checkpointOptionsSchema = z.strictObject({ signal: signalSchema, name: z.string().min(1).max(256).optional() })
const restoreOptionsSchema = z.strictObject({ signal: signalSchema, mode: z.enum(['replace', 'merge']).optional() })
const sourceSchema = z.union([
  z.string().min(1),
  z.instanceof(Uint8Array),
  z.looseObject({ id: z.string(), bytes: z.instanceof(Uint8Array) }),
])

/** @throws INVALID_OPTIONS */
export function checkCheckpointOptions(options: CheckpointOptions): void {
  checked('checkpoint()', checkpointOptionsSchema.safeParse(options))
}

/** @throws INVALID_OPTIONS */
export function checkRestoreOptions(source: unknown, options: RestoreOptions): void {
  checked('restore()', z.strictObject({ checkpoint: sourceSchema }).safeParse({ checkpoint: source }))
  checked('restore()', restoreOptionsSchema.safeParse(options))
}

function checkCode(where: string, code: unknown): void {
  if (typeof code !== 'string') throw coreErrors.INVALID_OPTIONS({ where, problems: ['code must be a string'] })
}

function withoutUndefined(settings: {
  [Key in keyof WorkerSettings]?: WorkerSettings[Key] | undefined
}): Partial<WorkerSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}
