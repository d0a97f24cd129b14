import * as z from 'zod'
import { countSchema } from './ids.ts'

export const protocolVersionSchema = z.object({ major: countSchema, minor: countSchema })
export type ProtocolVersion = z.infer<typeof protocolVersionSchema>

export const codecNameSchema = z.enum(['msgpack', 'json'])
export type CodecName = z.infer<typeof codecNameSchema>

export const frameLimitsSchema = z.object({
  /** Bytes of one frame's payload. */
  frameBytes: countSchema,
  /** Nesting of arrays and maps in one message. */
  depth: countSchema,
})
export type FrameLimits = z.infer<typeof frameLimitsSchema>
