import * as z from 'zod'
import { durationMsSchema } from '../ids.ts'

/** Host to worker: stop whatever runs now, late code of settled cells included. */
export const interruptSchema = z.object({ type: z.literal('interrupt'), cooperativeMs: durationMsSchema })
export type InterruptMessage = z.infer<typeof interruptSchema>
