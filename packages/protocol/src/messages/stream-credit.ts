import * as z from 'zod'
import { countSchema } from '../ids.ts'

/**
 * The reader took this much, so as much more may be sent. `streamId` is `output` for what cells print (host to worker only),
 * else that of a channel (either side).
 */
export const streamCreditSchema = z.object({
  type: z.literal('stream-credit'),
  streamId: z.string(),
  bytes: countSchema,
})
export type StreamCreditMessage = z.infer<typeof streamCreditSchema>
