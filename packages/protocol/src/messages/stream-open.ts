import * as z from 'zod'
import { countSchema, idSchema } from '../ids.ts'
import { streamLimits } from '../stream-limits.ts'

/**
 * Either side: a channel of this name (feature `streams`). The peer's first `stream-credit` for the id accepts it and
 * grants the peer's window. Of two opens for one name that cross, the host's counts and the worker takes its id.
 */
export const streamOpenSchema = z.object({
  type: z.literal('stream-open'),
  /** A prefix of the opener (`h`, `w`, `c`) and a number that grows. */
  streamId: idSchema,
  name: z.string().min(1).max(streamLimits.nameLength),
  /** What the peer may send before it needs `stream-credit`; counted by `streamCost`. */
  windowBytes: countSchema,
})
export type StreamOpenMessage = z.infer<typeof streamOpenSchema>
