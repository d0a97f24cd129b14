import * as z from 'zod'
import { countSchema, idSchema } from '../ids.ts'

export const inspectQuerySchema = z.discriminatedUnion('what', [
  z.object({ what: z.literal('namespace') }),
  /** Names that could stand at `cursor` in `code`, for completion in a REPL. */
  z.object({ what: z.literal('completions'), code: z.string(), cursor: countSchema }),
  /** Whether `code` is a whole cell, lacks its end, or is wrong. */
  z.object({ what: z.literal('completeness'), code: z.string() }),
])
export type InspectQuery = z.infer<typeof inspectQuerySchema>

/** Host to worker: look at the session without running a cell. */
export const inspectSchema = z.object({ type: z.literal('inspect'), requestId: idSchema, query: inspectQuerySchema })
export type InspectMessage = z.infer<typeof inspectSchema>
