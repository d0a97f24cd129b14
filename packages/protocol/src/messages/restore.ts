import * as z from 'zod'
import { idSchema } from '../ids.ts'
import { restoreModeSchema } from '../namespace-snapshot.ts'

/**
 * Host to worker (feature `checkpoint`): take up the payload of a checkpoint, which comes on the channel
 * `capsule:snapshot/<requestId>`. The answer goes back on it.
 */
export const restoreSchema = z.object({ type: z.literal('restore'), requestId: idSchema, mode: restoreModeSchema })
export type RestoreMessage = z.infer<typeof restoreSchema>
