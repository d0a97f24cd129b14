import * as z from 'zod'
import { idSchema } from '../ids.ts'

/** Worker to host, at once: the execution was accepted and will end in exactly one terminal message. */
export const ackSchema = z.object({ type: z.literal('ack'), executionId: idSchema })
export type AckMessage = z.infer<typeof ackSchema>
