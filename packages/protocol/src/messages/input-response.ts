import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { wireErrorSchema } from '../wire-error.ts'

/** Host to worker: the answer to an input-request, routed by execution id. */
export const inputResponseSchema = z.object({
  type: z.literal('input-response'),
  executionId: idSchema,
  inputId: idSchema,
  answer: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), text: z.string() }),
    z.object({ kind: z.literal('eof') }),
    z.object({ kind: z.literal('timed-out') }),
    /** The session may not ask. */
    z.object({ kind: z.literal('refused'), error: wireErrorSchema }),
  ]),
})
export type InputResponseMessage = z.infer<typeof inputResponseSchema>
