import * as z from 'zod'
import { durationMsSchema } from '../ids.ts'

/** Host to worker: send what is queued and exit with 0. */
export const shutdownSchema = z.object({ type: z.literal('shutdown'), graceMs: durationMsSchema })
export type ShutdownMessage = z.infer<typeof shutdownSchema>
