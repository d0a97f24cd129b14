import * as z from 'zod'
import { durationMsSchema, idSchema } from '../ids.ts'

/** Worker to host: the cell waits for a person. */
export const inputRequestSchema = z.object({
  type: z.literal('input-request'),
  executionId: idSchema,
  inputId: idSchema,
  prompt: z.string(),
  /** The answer is not to be shown while it is typed. */
  secret: z.literal(true).optional(),
  timeoutMs: durationMsSchema.optional(),
})
export type InputRequestMessage = z.infer<typeof inputRequestSchema>
