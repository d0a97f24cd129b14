import * as z from 'zod'
import { capabilityLimits, capabilityNamePattern } from './capability-limits.ts'

export const capabilityNameSchema = z.string().max(capabilityLimits.nameLength).regex(capabilityNamePattern)

export const capabilityManifestSchema = z.object({
  /** What is granted, each callable as `caps.<name>`. */
  capabilities: z
    .array(
      z.object({
        /** `files.read` */
        name: capabilityNameSchema,
        /** What a cell makes of the reply: its value, that with a stream, or that as a Response is. */
        returns: z.enum(['value', 'body', 'response']),
        /** A field of an object argument, or a positional argument, that may be a stream. */
        body: z.object({ field: z.string(), position: z.number().int().nonnegative().optional() }).optional(),
      }),
    )
    .max(capabilityLimits.maxCapabilities),
  /** Globals that call a capability: `fetch` for `http.fetch`. */
  names: z
    .array(z.object({ name: z.string(), capability: capabilityNameSchema }))
    .max(capabilityLimits.maxCapabilities),
  /** Whether cells may ask a person: without it there is no `input` and no `prompt`. */
  input: z.boolean(),
})
/** What a session's cells can call; it replaces the one before. */
export type CapabilityManifest = z.infer<typeof capabilityManifestSchema>
