import { decodeValue, encodeValue } from '@capsule/protocol'
import * as z from 'zod'
import type { HostAnswer } from './host-answer.ts'

// unit: bytes; an engine refuses what is too large (Restate: 32 MiB a message), which would be tried again for ever
const budget = { bytes: 16 * 1024 * 1024, depth: 1000 }

const textSchema = z.object({ format: z.literal(1), answer: z.string() })
const answerSchema = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('outcome'),
    outcome: z.looseObject({}),
    stdout: z.string(),
    stderr: z.string(),
    host: z.string(),
    attempt: z.number(),
  }),
  z.looseObject({ type: z.literal('session-lost'), host: z.string() }),
  z.looseObject({ type: z.literal('abandoned'), attempts: z.number(), reason: z.string() }),
])

/** As engines keep it: JSON, with the answer whole inside (values of cells are more than JSON has). */
export function encodeAnswer(answer: HostAnswer): string {
  const encoded = encodeValue(answer, budget)
  return JSON.stringify({
    format: 1,
    ...(answer.type === 'outcome' && { status: answer.outcome.status }),
    answer: Buffer.from(encoded?.bytes ?? []).toString('base64'),
  })
}

/** Throws when it is none. */
export function decodeAnswer(text: string): HostAnswer {
  const { answer } = textSchema.parse(JSON.parse(text))
  return answerSchema.parse(decodeValue(Buffer.from(answer, 'base64'))) as unknown as HostAnswer
}
