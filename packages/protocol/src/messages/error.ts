import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { settlementFields } from '../settlement.ts'
import { wireErrorSchema } from '../wire-error.ts'

const terminalErrorSchema = z.object({
  type: z.literal('error'),
  terminal: z.literal(true),
  executionId: idSchema,
  ...settlementFields,
  status: z.enum(['error', 'cancelled', 'timed-out']),
  /** Which rung of the cancel ladder ended it: 0 dropped while queued, 1 cooperative, 2 terminated. */
  rung: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  error: wireErrorSchema,
})
const uncaughtErrorSchema = z.object({
  type: z.literal('error'),
  terminal: z.literal(false),
  /** Absent: the error is the worker's own (a refused hello, a broken frame), and the worker ends. */
  executionId: idSchema.optional(),
  late: z.literal(true).optional(),
  error: wireErrorSchema,
})

/**
 * Worker to host. `terminal: true` ends the execution; `terminal: false` reports an uncaught exception or unhandled
 * rejection that the execution named caused, or a failure of the worker itself.
 */
export const errorSchema = z.discriminatedUnion('terminal', [terminalErrorSchema, uncaughtErrorSchema])
export type TerminalErrorMessage = z.infer<typeof terminalErrorSchema>
export type UncaughtErrorMessage = z.infer<typeof uncaughtErrorSchema>
export type ErrorMessage = z.infer<typeof errorSchema>
