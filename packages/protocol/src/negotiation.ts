import * as z from 'zod'
import { countSchema } from './ids.ts'

export const protocolVersionSchema = z.object({ major: countSchema, minor: countSchema })
export type ProtocolVersion = z.infer<typeof protocolVersionSchema>

/** What this package speaks. The major changes only when an old peer could misunderstand. */
export const protocolVersion: ProtocolVersion = { major: 1, minor: 0 }

export const codecNameSchema = z.enum(['msgpack', 'json'])
export type CodecName = z.infer<typeof codecNameSchema>

export const frameLimitsSchema = z.object({
  /** Bytes of one frame's payload. */
  frameBytes: countSchema,
  /** Nesting of arrays and maps in one message. */
  depth: countSchema,
})
export type FrameLimits = z.infer<typeof frameLimitsSchema>
