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

/** Characters of either output that are kept of an answer which is too large. */
const keptOutput = 1024 * 1024

/**
 * As engines keep it: JSON, with the answer whole inside (values of cells are more than JSON has). What is too large is cut,
 * and its outcome says `truncated`. Throws when it has no form as data.
 */
export function encodeAnswer(answer: HostAnswer): string {
  const encoded = encodeValue(answer, budget)
  const isCut = encoded?.truncated === true && answer.type === 'outcome'
  const bytes = isCut ? encodeValue(cut(answer), budget)?.bytes : encoded?.bytes
  if (bytes === undefined) throw new Error('the answer has no form as data')
  return JSON.stringify({
    format: 1,
    ...(answer.type === 'outcome' && { status: answer.outcome.status }),
    answer: Buffer.from(bytes).toString('base64'),
  })
}

/** What may be long comes last, where the budget ends. */
function cut({ outcome, stdout, stderr, ...rest }: Extract<HostAnswer, { type: 'outcome' }>): object {
  const { value, text, error, ...facts } = outcome
  return {
    ...rest,
    stdout: stdout.slice(0, keptOutput),
    stderr: stderr.slice(0, keptOutput),
    outcome: {
      ...facts,
      truncated: true,
      ...(error !== undefined && { error }),
      ...(text !== undefined && { text }),
      ...('value' in outcome && { value }),
    },
  }
}

/** Throws when it is none. */
export function decodeAnswer(text: string): HostAnswer {
  const { answer } = textSchema.parse(JSON.parse(text))
  return answerSchema.parse(decodeValue(Buffer.from(answer, 'base64'))) as unknown as HostAnswer
}
