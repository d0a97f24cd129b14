import * as z from 'zod'
import { idSchema } from '../ids.ts'

/** Worker to host: the cell does not wait for this call any more. Idempotent; the call may have been answered meanwhile. */
export const capabilityCancelSchema = z.object({
  type: z.literal('capability-cancel'),
  executionId: idSchema,
  callId: idSchema,
})
export type CapabilityCancelMessage = z.infer<typeof capabilityCancelSchema>
