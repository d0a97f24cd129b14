import * as z from 'zod'
import { capabilityManifestSchema } from '../capability-manifest.ts'

/** Host to worker: what cells can call from now on (feature `capabilities`). Until the first one it is nothing but `input`. */
export const capabilitiesSchema = z.object({
  type: z.literal('capabilities'),
  manifest: capabilityManifestSchema,
})
export type CapabilitiesMessage = z.infer<typeof capabilitiesSchema>
