import * as z from 'zod'
import { capabilityLimits } from '../capability-limits.ts'
import { capabilityNameSchema } from '../capability-manifest.ts'
import { bytesSchema, durationMsSchema, idSchema } from '../ids.ts'

/** Worker to host: a cell calls a capability. Answered by one `capability-response`. */
export const capabilityRequestSchema = z.object({
  type: z.literal('capability-request'),
  executionId: idSchema,
  callId: idSchema,
  capability: capabilityNameSchema,
  /** The array of the arguments as `encodeValue` wrote it. */
  args: bytesSchema,
  idempotencyKey: z.string().min(1).max(capabilityLimits.keyLength).optional(),
  timeoutMs: durationMsSchema.optional(),
  /** One of the arguments comes through the channel of this call. */
  body: z.literal(true).optional(),
})
export type CapabilityRequestMessage = z.infer<typeof capabilityRequestSchema>
