import * as z from 'zod'
import { countSchema, durationMsSchema, idSchema } from '../ids.ts'

/** Worker to host, every `heartbeatMs`. */
export const heartbeatSchema = z.object({
  type: z.literal('heartbeat'),
  sequence: countSchema,
  uptimeMs: durationMsSchema,
  rssBytes: countSchema,
  heapUsedBytes: countSchema,
  /** User and system time since the start. */
  cpuMs: durationMsSchema,
  /** How long the thread that runs cells has not answered; 0 when it answered since the last heartbeat. */
  eventLoopDelayMs: durationMsSchema,
  /** How many top-level bindings the namespace holds. */
  bindings: countSchema,
  /** What runs now. */
  executionId: idSchema.optional(),
})
export type HeartbeatMessage = z.infer<typeof heartbeatSchema>
