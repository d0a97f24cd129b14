import * as z from 'zod'
import { protocolErrors } from './errors.ts'
import { quotedCharacters } from './limits.ts'
import { type HostMessage, hostMessageSchema, type WorkerMessage, workerMessageSchema } from './messages.ts'
import { type UnknownMessage, unknownMessage } from './unknown-message.ts'

/**
 * Validates a decoded message of the other side and drops unknown fields. A type of a later release is not an error.
 * @throws INVALID_MESSAGE
 */
export const parseHostMessage: (raw: unknown) => HostMessage | UnknownMessage = createParser(hostMessageSchema)
/**
 * Validates a decoded message of a worker, where trust is gained, and drops unknown fields.
 * @throws INVALID_MESSAGE
 */
export const parseWorkerMessage: (raw: unknown) => WorkerMessage | UnknownMessage = createParser(workerMessageSchema)

type UnionOption = {
  readonly shape?: { readonly type: z.ZodLiteral<string> }
  readonly options?: readonly UnionOption[]
}

function createParser<Message>(
  union: z.ZodType<Message> & { readonly options: readonly unknown[] },
): (raw: unknown) => Message | UnknownMessage {
  const known = new Set((union.options as readonly UnionOption[]).flatMap(typesOf))
  let compiled: z.ZodType<Message> | undefined
  return (raw) => {
    const type: unknown = typeof raw === 'object' && raw !== null ? (raw as { type?: unknown }).type : undefined
    if (typeof type === 'string' && !known.has(type)) return unknownMessage(type)
    // generating code takes milliseconds, so it waits for the first message; where it is forbidden zod interprets
    compiled ??= z.compile(union)
    const result = compiled.safeParse(raw)
    if (result.success) return result.data
    const issue = result.error.issues[0]
    throw protocolErrors.INVALID_MESSAGE({
      type: typeof type === 'string' ? type : 'missing',
      path: bounded(issue?.path.map(String).join('.') || 'the message'),
      problem: bounded(issue?.message ?? 'invalid'),
    })
  }
}

function typesOf({ shape, options }: UnionOption): string[] {
  return shape === undefined ? (options ?? []).flatMap(typesOf) : [...shape.type.values]
}

const bounded = (text: string): string => text.slice(0, quotedCharacters)
