import * as z from 'zod'
import { displayLimits } from '../display-limits.ts'
import { idSchema } from '../ids.ts'

/** Worker to host: how far a running execution has come (feature `progress`). It takes `creditedBytes` of the output credit. */
export const progressSchema = z.object({
  type: z.literal('progress'),
  executionId: idSchema,
  done: z.number(),
  total: z.number().optional(),
  text: z.string().max(displayLimits.progressTextLength).optional(),
})
export type ProgressMessage = z.infer<typeof progressSchema>
