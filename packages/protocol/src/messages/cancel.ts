import * as z from 'zod'
import { durationMsSchema, idSchema } from '../ids.ts'

/** Host to worker: stop one execution. Idempotent; the terminal message answers it. */
export const cancelSchema = z.object({
  type: z.literal('cancel'),
  executionId: idSchema,
  reason: z.enum(['cancelled', 'timed-out']),
  /** How long the cell may take to end cooperatively before it is terminated. */
  cooperativeMs: durationMsSchema,
})
export type CancelMessage = z.infer<typeof cancelSchema>
