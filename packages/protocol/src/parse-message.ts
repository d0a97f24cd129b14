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

interface UnionOption {
  readonly shape?: { readonly type: z.ZodLiteral<string> }
  readonly options?: readonly UnionOption[]
}

function createParser<Message>(
  union: z.ZodType<Message> & { readonly options: readonly unknown[] },
): (raw: unknown) => Message | UnknownMessage {
  // one parser for each type: zod interprets a schema with a cycle in it (an error's cause), and as a whole that is the union
  const sources = new Map(
    union.options.flatMap((option) =>
      typesOf(option as UnionOption).map((type) => [type, option as z.ZodType<Message>]),
    ),
  )
  const compiled = new Map<string, z.ZodType<Message>>()
  const compile = (type: string): z.ZodType<Message> | undefined => {
    const source = sources.get(type)
    if (source === undefined) return undefined
    const schema = z.compile(source)
    compiled.set(type, schema)
    return schema
  }
  return (raw) => {
    const type: unknown = typeof raw === 'object' && raw !== null ? (raw as { type?: unknown }).type : undefined
    if (typeof type !== 'string') throw refusal('missing', union.safeParse(raw))
    // generating code takes milliseconds, so it waits for the first message; where it is forbidden zod interprets
    const schema = compiled.get(type) ?? compile(type)
    if (schema === undefined) return unknownMessage(type)
    const result = schema.safeParse(raw)
    if (result.success) return result.data
    throw refusal(type, result)
  }
}

function refusal(type: string, { error }: z.ZodSafeParseResult<unknown>): Error {
  const issue = error?.issues[0]
  return protocolErrors.INVALID_MESSAGE({
    type,
    path: bounded(issue?.path.map(String).join('.') || 'the message'),
    problem: bounded(issue?.message ?? 'invalid'),
  })
}

function typesOf({ shape, options }: UnionOption): string[] {
  return shape === undefined ? (options ?? []).flatMap(typesOf) : [...shape.type.values]
}

const bounded = (text: string): string => text.slice(0, quotedCharacters)
