import * as z from 'zod'
import { idSchema } from '../ids.ts'

export const streamNameSchema = z.enum(['stdout', 'stderr'])
export type StreamName = z.infer<typeof streamNameSchema>

/** Worker to host: text that the execution named printed; `late` when that execution had already settled. */
export const outputSchema = z.object({
  type: z.literal('output'),
  executionId: idSchema,
  stream: streamNameSchema,
  text: z.string(),
  late: z.literal(true).optional(),
})
export type OutputMessage = z.infer<typeof outputSchema>
