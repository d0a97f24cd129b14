import * as z from 'zod'
import { countSchema, durationMsSchema } from './ids.ts'
import { transactionReportSchema } from './transaction.ts'

export const cellModeSchema = z.enum(['top-level-await', 'async', 'blocking', 'simple', 'unknown'])
/** What the analysis of a cell's source says of how it will run. */
export type CellMode = z.infer<typeof cellModeSchema>

/** What the pump did for one execution. */
export const outputCountersSchema = z.object({
  bytes: countSchema,
  droppedBytes: countSchema,
  droppedChunks: countSchema,
})
export type OutputCounters = z.infer<typeof outputCountersSchema>

/** The facts that every terminal message carries. */
export const settlementFields = {
  /** The cell's number in `In` and `Out`; 0 when it has none. */
  cell: countSchema,
  mode: cellModeSchema,
  executor: z.string(),
  durationMs: durationMsSchema,
  output: outputCountersSchema,
  /** A hard cancel went through Node's internals: renew this session when convenient. */
  tainted: z.literal(true).optional(),
  /** Of a cell that ran as a transaction. */
  transaction: transactionReportSchema.optional(),
}
