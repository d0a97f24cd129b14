import * as z from 'zod'
import { countSchema } from '../ids.ts'
import { frameLimitsSchema, protocolVersionSchema } from '../negotiation.ts'
import { workerSettingsSchema } from '../settings.ts'

/** Host to worker, first on the way in, always encoded as JSON: what the host speaks and wants. */
export const helloSchema = z.object({
  type: z.literal('hello'),
  protocol: protocolVersionSchema,
  /** In order of preference; a later release may offer codecs that this one does not know. */
  codecs: z.array(z.string()).min(1),
  features: z.array(z.string()),
  limits: frameLimitsSchema,
  settings: workerSettingsSchema.partial(),
  /** Bytes of output the worker may send before it needs `stream-credit` (feature `output-credit`). */
  outputWindowBytes: countSchema,
  /** How many channels the worker may have opened at a time (feature `streams`). @defaultValue 64 */
  maxStreams: countSchema.optional(),
  /** How many executions may run at once (feature `concurrency`). @defaultValue 1 */
  maxConcurrentExecutions: countSchema.optional(),
})
export type HelloMessage = z.infer<typeof helloSchema>
