import * as z from 'zod'
import { bytesSchema, idSchema } from '../ids.ts'
import { settlementFields } from '../settlement.ts'

/** Worker to host, terminal: the cell completed. Always behind all of its output. */
export const resultSchema = z.object({
  type: z.literal('result'),
  executionId: idSchema,
  ...settlementFields,
  /** The completion value as `util.inspect` shows it. */
  text: z.string(),
  /** The completion value as `encodeValue` wrote it; absent when it does not survive the wire. */
  value: bytesSchema.optional(),
  /** `text` or `value` was cut to its budget. */
  truncated: z.literal(true).optional(),
})
export type ResultMessage = z.infer<typeof resultSchema>
