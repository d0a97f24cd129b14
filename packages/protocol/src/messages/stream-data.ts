import * as z from 'zod'
import { bytesSchema, idSchema } from '../ids.ts'

/** Either side: a piece of a byte stream, or one whole value as `encodeValue` wrote it. It takes `streamCost` of the credit. */
export const streamDataSchema = z.object({
  type: z.literal('stream-data'),
  streamId: idSchema,
  kind: z.enum(['bytes', 'value']),
  data: bytesSchema,
})
export type StreamDataMessage = z.infer<typeof streamDataSchema>
