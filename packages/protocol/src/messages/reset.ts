import * as z from 'zod'
import { durationMsSchema, idSchema } from '../ids.ts'

/**
 * Host to worker (feature `reset`), when no cell runs: end what settled cells have left behind, and empty the namespace.
 * Code of theirs that keeps the thread for longer than `cooperativeMs` is terminated where the executor can.
 */
export const resetSchema = z.object({
  type: z.literal('reset'),
  requestId: idSchema,
  cooperativeMs: durationMsSchema,
})
export type ResetMessage = z.infer<typeof resetSchema>
