import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { wireErrorSchema } from '../wire-error.ts'

/**
 * Either side. `write`: I send no more data, because of `error` if there is one. `read`: I take no more, and the peer
 * answers with its own `write` unless it has sent it. A channel is over for who has sent and received `write`.
 */
export const streamCloseSchema = z.object({
  type: z.literal('stream-close'),
  streamId: idSchema,
  side: z.enum(['write', 'read']),
  error: wireErrorSchema.optional(),
})
export type StreamCloseMessage = z.infer<typeof streamCloseSchema>
