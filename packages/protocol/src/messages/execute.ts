import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { transactionModeSchema } from '../transaction.ts'

export const cellLanguageSchema = z.enum(['auto', 'js', 'jsx', 'ts', 'tsx'])
/** How a cell's source is read. `auto`: JavaScript first, TypeScript when it does not parse as that. */
export type CellLanguage = z.infer<typeof cellLanguageSchema>

export const routeSchema = z.enum(['auto', 'threaded', 'async'])
/** Which executor runs a cell. `auto`: by the cell's mode. */
export type Route = z.infer<typeof routeSchema>

/** Host to worker: run one cell. Answered by `ack` at once and later by exactly one terminal `result` or `error`. */
export const executeSchema = z.object({
  type: z.literal('execute'),
  executionId: idSchema,
  code: z.string(),
  /** Shown in stack traces. @defaultValue `cell-N.js` or `cell-N.ts` */
  filename: z.string().optional(),
  language: cellLanguageSchema.optional(),
  route: routeSchema.optional(),
  /** Whether the cell gets a number and enters `In`, `Out` and `_`. @defaultValue true */
  storeHistory: z.boolean().optional(),
  /** Feature `transactions`. @defaultValue 'commit-always', without a report */
  transaction: transactionModeSchema.optional(),
  /** It belongs to the start: what it does to the process is not told by `reset`. */
  warmup: z.literal(true).optional(),
})
export type ExecuteMessage = z.infer<typeof executeSchema>
