import * as z from 'zod'
import { bytesSchema, idSchema } from '../ids.ts'
import { wireErrorSchema } from '../wire-error.ts'

/** Host to worker: answers a `capability-request`. */
export const capabilityResponseSchema = z.object({
  type: z.literal('capability-response'),
  executionId: idSchema,
  callId: idSchema,
  answer: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('value'),
      /** As `encodeValue` wrote it. */
      value: bytesSchema,
      /** More of it comes through the channel of this call. */
      body: z.literal(true).optional(),
    }),
    z.object({ kind: z.literal('error'), error: wireErrorSchema }),
  ]),
})
export type CapabilityResponseMessage = z.infer<typeof capabilityResponseSchema>
