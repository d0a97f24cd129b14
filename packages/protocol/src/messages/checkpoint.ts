import * as z from 'zod'
import { countSchema, idSchema } from '../ids.ts'

/**
 * Host to worker (feature `checkpoint`): write the namespace down. It comes on the channel `capsule:snapshot/<requestId>`:
 * the facts, then the payload. A channel that fails tells why there is none.
 */
export const checkpointSchema = z.object({
  type: z.literal('checkpoint'),
  requestId: idSchema,
  /** Bindings that would make the payload larger are skipped. */
  limitBytes: countSchema,
})
export type CheckpointMessage = z.infer<typeof checkpointSchema>
