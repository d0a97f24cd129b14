import * as z from 'zod'
import { countSchema, idSchema } from '../ids.ts'
import { wireErrorSchema } from '../wire-error.ts'

const bindingSummarySchema = z.object({
  name: z.string(),
  /** How it was declared. */
  kind: z.enum(['const', 'let', 'var', 'function', 'class', 'import']),
  /** `typeof`, or the constructor's name of an object. */
  type: z.string(),
  /** Length of a string or array, size of a Map or Set, bytes of a buffer, number of own keys of an object. */
  size: countSchema.optional(),
  /** One line of `util.inspect`. */
  preview: z.string(),
})
export type BindingSummary = z.infer<typeof bindingSummarySchema>

export const inspectAnswerSchema = z.discriminatedUnion('what', [
  z.object({
    what: z.literal('namespace'),
    bindings: z.array(bindingSummarySchema),
    truncated: z.literal(true).optional(),
  }),
  z.object({ what: z.literal('completions'), names: z.array(z.string()), from: countSchema }),
  z.object({ what: z.literal('completeness'), status: z.enum(['complete', 'incomplete', 'invalid']) }),
  z.object({ what: z.literal('failure'), error: wireErrorSchema }),
])
export type InspectAnswer = z.infer<typeof inspectAnswerSchema>

/** Worker to host: answers `inspect`. */
export const inspectResultSchema = z.object({
  type: z.literal('inspect-result'),
  requestId: idSchema,
  answer: inspectAnswerSchema,
})
export type InspectResultMessage = z.infer<typeof inspectResultSchema>
