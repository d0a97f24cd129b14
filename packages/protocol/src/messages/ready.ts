import * as z from 'zod'
import { countSchema } from '../ids.ts'
import { codecNameSchema, frameLimitsSchema, protocolVersionSchema } from '../negotiation.ts'
import { workerSettingsSchema } from '../settings.ts'

/** Worker to host, answers hello, the last message encoded as JSON: what was agreed, and the settings in effect. */
export const readySchema = z.object({
  type: z.literal('ready'),
  protocol: protocolVersionSchema,
  codec: codecNameSchema,
  features: z.array(z.string()),
  limits: frameLimitsSchema,
  settings: workerSettingsSchema,
  executors: z.array(
    z.object({ name: z.string(), preemptive: z.boolean(), syncInput: z.boolean(), concurrent: z.boolean() }),
  ),
  pid: countSchema,
  nodeVersion: z.string(),
})
export type ReadyMessage = z.infer<typeof readySchema>
