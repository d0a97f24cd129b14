import { Buffer } from 'node:buffer'
import * as z from 'zod'
import { bindingReportSchema } from './binding-report.ts'
import { protocolErrors } from './errors.ts'
import { countSchema } from './ids.ts'
import { headLengthBytes } from './snapshot-transfer.ts'
import { wireErrorSchema } from './wire-error.ts'

/** What a worker tells of a snapshot, in front of its payload. */
export const snapshotFactsSchema = z.object({
  /** Of the payload's own format. */
  snapshotVersion: countSchema,
  /** How many cells were numbered. */
  cells: countSchema,
  report: z.array(bindingReportSchema),
})
export type SnapshotFacts = z.infer<typeof snapshotFactsSchema>

/** The namespace, written down. */
export interface CapturedNamespace extends SnapshotFacts {
  readonly payload: Uint8Array
}

/** How a restore ended. `malformed` and `failed`: the namespace is as it was. */
export const restoreAnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('restored'), report: z.array(bindingReportSchema) }),
  z.object({ kind: z.literal('malformed'), problem: z.string() }),
  z.object({ kind: z.literal('failed'), error: wireErrorSchema }),
])
export type RestoreAnswer = z.infer<typeof restoreAnswerSchema>

/** `replace`: nothing of the namespace before stays. `merge`: what the snapshot does not name stays. */
export const restoreModeSchema = z.enum(['replace', 'merge'])
export type RestoreMode = z.infer<typeof restoreModeSchema>

/** @throws INVALID_MESSAGE */
export function decodeSnapshot(bytes: Uint8Array): CapturedNamespace {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = view.length < headLengthBytes ? Infinity : headLengthBytes + view.readUInt32BE()
  if (end > view.length) throw invalid('its facts are cut off')
  const facts = snapshotFactsSchema.safeParse(parsed(view.subarray(headLengthBytes, end)))
  if (!facts.success) throw invalid(facts.error.issues[0]?.message ?? 'its facts are not as they should be')
  return { ...facts.data, payload: bytes.subarray(end) }
}

/** @throws INVALID_MESSAGE */
export function decodeRestoreAnswer(bytes: Uint8Array): RestoreAnswer {
  const answer = restoreAnswerSchema.safeParse(parsed(bytes))
  if (answer.success) return answer.data
  throw invalid(answer.error.issues[0]?.message ?? 'the answer is not as it should be')
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    throw invalid('it is no JSON')
  }
}

function invalid(problem: string): Error {
  return protocolErrors.INVALID_MESSAGE({ type: 'snapshot', path: 'the snapshot', problem })
}
