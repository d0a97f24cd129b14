import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { wireErrorSchema } from '../wire-error.ts'

export const resetAnswerSchema = z.discriminatedUnion('kind', [
  /** The namespace is empty. `left`: what cells did to the process all the same; empty: it is as it was before the first. */
  z.object({ kind: z.literal('reset'), left: z.array(z.string()) }),
  z.object({ kind: z.literal('failed'), error: wireErrorSchema }),
])
export type ResetAnswer = z.infer<typeof resetAnswerSchema>

/** Worker to host: answers `reset`. */
export const resetResultSchema = z.object({
  type: z.literal('reset-result'),
  requestId: idSchema,
  answer: resetAnswerSchema,
})
export type ResetResultMessage = z.infer<typeof resetResultSchema>
