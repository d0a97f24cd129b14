import { type Capability, type CapabilityLimits, isCapabilityReply } from '@capsule/core'
import { collectBody, leaveBody } from './body-stream.ts'
import { cross } from './crossing.ts'
import { harnessErrors } from './harness-errors.ts'

export interface CallAnswer {
  readonly value: unknown
  /** Undefined when the reply has no body. */
  readonly chunks: readonly unknown[] | undefined
}

export interface ReplyParts {
  readonly capability: Capability
  readonly full: string
  readonly reply: unknown
  readonly limits: CapabilityLimits
  readonly maxChunks: number
  /** In the place of reading it whole. */
  readonly readBody: ((body: AsyncIterable<unknown>) => Promise<readonly unknown[]>) | undefined
  readonly signal: AbortSignal
}

/** What comes after the handler: the value checked and copied, the body read within the limits. */
export async function readReply({
  capability,
  full,
  reply,
  limits,
  signal,
  ...reading
}: ReplyParts): Promise<CallAnswer> {
  const invalid = (...problems: string[]): Error =>
    harnessErrors.CAPABILITY_RESULT_INVALID({ capability: full, problems })
  const tooLarge = (what: string): Error =>
    harnessErrors.CAPABILITY_RESULT_TOO_LARGE({ capability: full, what, limitBytes: limits.outputBytes })
  const { value, body } = isCapabilityReply(reply) ? reply : { value: reply, body: undefined }
  const readValue = (): { copy: unknown; bytes: number } => {
    const checked = capability.checkOutput(value)
    if (!checked.isValid) throw invalid(...checked.problems)
    const crossed = cross(checked.value)
    if ('problem' in crossed) throw invalid(`the value cannot be sent: ${crossed.problem}`)
    if (crossed.bytes > limits.outputBytes) throw tooLarge('value')
    if (body !== undefined && capability.returns === 'value')
      throw invalid("it has a body, and `returns: 'value'` promises none")
    return crossed
  }
  let crossed: { copy: unknown; bytes: number }
  try {
    signal.throwIfAborted()
    crossed = readValue()
  } catch (error) {
    await leaveBody(body)
    throw error
  }
  if (body === undefined) return { value: crossed.copy, chunks: undefined }
  const limitBytes = limits.outputBytes - crossed.bytes
  const collect = { signal, ...reading, limitBytes, tooLarge: () => tooLarge('body'), invalid }
  const chunks = reading.readBody?.(body) ?? collectBody(body, collect)
  return { value: crossed.copy, chunks: await chunks }
}
