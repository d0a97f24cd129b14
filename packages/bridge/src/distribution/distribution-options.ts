import * as z from 'zod'
import { checked } from '../checked.ts'
import type { DispatchedExecution, DispatchOptions, RunExecution, ServeOptions } from './execution-distributor.ts'

const name = (longest: number): z.ZodString => z.string().regex(new RegExp(`^[A-Za-z0-9_-]{1,${longest}}$`))

export const groupSchema = name(64)
/** A given name, its dash and its random end. */
const servedHostSchema = name(64)
const signalSchema = z.custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal').optional()

const executionSchema = z.strictObject({
  id: name(128),
  code: z.string(),
  timeoutMs: z.number().positive().optional(),
  sessionName: name(128).optional(),
  continuesSession: z.boolean().optional(),
})
const dispatchSchema = z.strictObject({
  group: groupSchema.optional(),
  host: servedHostSchema.optional(),
  signal: signalSchema,
})
const serveSchema = z.strictObject({
  group: groupSchema.optional(),
  host: name(40),
  capacity: z.number().int().min(1).max(10_000),
  run: z.custom<RunExecution>((value) => typeof value === 'function', 'must be a function'),
})
const graceSchema = z.strictObject({ graceMs: z.number().nonnegative().optional() })

/** As an engine brought it. @throws INVALID_OPTIONS */
export function checkExecution(given: unknown): DispatchedExecution {
  return checked('an execution', executionSchema.safeParse(given)) as DispatchedExecution
}

/** Where an execution goes. */
export interface Place {
  readonly group: string
  readonly host: string | undefined
}

/** @throws INVALID_OPTIONS */
export function checkDispatch(execution: DispatchedExecution, options: DispatchOptions): Place {
  checked('dispatch()', executionSchema.safeParse(execution))
  const { group = 'default', host } = checked('dispatch()', dispatchSchema.safeParse(options))
  return { group, host }
}

/** @throws INVALID_OPTIONS */
export function checkServe(options: ServeOptions): ServeOptions & { readonly group: string } {
  const { group = 'default' } = checked('serve()', serveSchema.safeParse(options))
  return { ...options, group }
}

/** @throws INVALID_OPTIONS */
export function checkGrace(where: string, options: { graceMs?: number }): { graceMs?: number } {
  const { graceMs } = checked(where, graceSchema.safeParse(options))
  return graceMs === undefined ? {} : { graceMs }
}
