import * as z from 'zod'
import { countSchema, durationMsSchema } from './ids.ts'
import { routeSchema } from './messages/execute.ts'

/** What a full output buffer does to the code that prints. */
const backPressureSchema = z.enum(['block', 'drop-new', 'drop-oldest', 'error'])
export type BackPressure = z.infer<typeof backPressureSchema>

/** How a worker behaves; hello asks for some, ready reports all. */
export const workerSettingsSchema = z.object({
  backPressure: backPressureSchema,
  /** How much printed text waits in the worker before back-pressure acts. */
  outputBufferBytes: countSchema,
  /** The longest text of one output message. */
  outputChunkBytes: countSchema,
  /** How long a finished cell's output may make no progress before the execution ends in OUTPUT_NOT_DRAINED. */
  drainTimeoutMs: durationMsSchema,
  /** For tests: when the drain deadline passes, warn once and deliver the result all the same. */
  suppressDrainErrors: z.boolean(),
  heartbeatMs: durationMsSchema,
  /** Encoded bytes of one completion value; a larger one is cut (`truncated`). */
  valueBytes: countSchema,
  /** Nesting of one completion value. */
  valueDepth: countSchema,
  /** Characters of one completion value's `text`. */
  textLength: countSchema,
  /** The executor for cells routed `auto` that may block or whose mode is unknown. */
  route: routeSchema,
  /** Whether cells may import modules of Node and of npm, and use `require`. Absent, as from a worker that knows nothing else: they may. */
  modules: z.boolean().optional(),
})
export type WorkerSettings = z.infer<typeof workerSettingsSchema>
