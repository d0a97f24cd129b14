import * as z from 'zod'
import { displayLimits } from '../display-limits.ts'
import { bytesSchema, countSchema, idSchema } from '../ids.ts'

const mimeTypeSchema = z.string().regex(/^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}$/)

/** Of one MIME type: text, bytes, or a JSON value as its text. */
const displayContentSchema = z.union([z.string(), bytesSchema, z.object({ json: z.string() })])
export type DisplayContent = z.infer<typeof displayContentSchema>

/**
 * Worker to host: what the execution shows beside printed text (feature `display`). A large one comes in parts, one behind
 * the other: what they have of the same MIME type, and of `metadata`, is one content in pieces; the other fields are those
 * of the first part. Each part takes `creditedBytes` of the output credit.
 */
export const displaySchema = z.object({
  type: z.literal('display'),
  executionId: idSchema,
  /** Chosen by the cell, or given; `update` and `clear` name what was shown under it. */
  displayId: z.string().min(1).max(displayLimits.idLength),
  action: z.enum(['show', 'update', 'clear']),
  data: z
    .record(mimeTypeSchema, displayContentSchema)
    .refine((data) => Object.keys(data).length <= displayLimits.mimeTypes, 'too many MIME types'),
  /** The text of a JSON object. */
  metadata: z.string().optional(),
  /** Something was left out, because of its size or because it cannot be sent. */
  truncated: z.literal(true).optional(),
  /** The MIME types that were left out. */
  dropped: z.array(z.string().max(displayLimits.mimeTypeLength)).max(displayLimits.mimeTypes).optional(),
  /** Absent: it is whole. */
  part: z.object({ index: countSchema, count: countSchema }).optional(),
  late: z.literal(true).optional(),
})
export type DisplayMessage = z.infer<typeof displaySchema>
