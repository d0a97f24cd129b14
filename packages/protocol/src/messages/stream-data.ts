import * as z from 'zod'
import { bytesSchema, idSchema } from '../ids.ts'

/**
 * Either side: a piece of a byte stream, or one whole value as `encodeValue` wrote it. It takes `streamCost` of the credit.
 * An empty piece holds nothing for the reader: it asks the peer to return, once all in front of it is taken, the credit
 * that it would gather first.
 */
export const streamDataSchema = z.object({
  type: z.literal('stream-data'),
  streamId: idSchema,
  kind: z.enum(['bytes', 'value']),
  data: bytesSchema,
})
export type StreamDataMessage = z.infer<typeof streamDataSchema>
