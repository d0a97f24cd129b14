import { type CapsuleError, isCapsuleError } from '@capsule/core'
import { decodeValue, type ResultMessage, type TerminalErrorMessage, type WireError } from '@capsule/protocol'
import type { Outcome, OutcomeError } from './session.ts'

export type TerminalMessage = ResultMessage | TerminalErrorMessage

/** What the host itself dropped because nobody read it. */
export interface HostDrops {
  readonly bytes: number
  readonly chunks: number
}

/** The outcome that a terminal message tells of. A value that does not decode is left out: `text` still shows it. */
export function outcomeOf(message: TerminalMessage, drops: HostDrops): Outcome {
  const base = {
    executionId: message.executionId,
    state: 'kept' as const,
    durationMs: message.durationMs,
    mode: message.mode,
    executor: message.executor,
    output: withDrops(message.output, drops),
    ...(message.cell > 0 && { cell: message.cell }),
    ...(message.tainted && { tainted: message.tainted }),
  }
  if (message.type === 'error') {
    return {
      ...base,
      status: message.status,
      error: outcomeErrorOf(message.error),
      ...(message.rung !== undefined && { cancelRung: message.rung }),
      ...(drops.bytes > 0 && { truncated: true as const }),
    }
  }
  const isTruncated = message.truncated === true || drops.bytes > 0
  return {
    ...base,
    status: 'ok',
    text: message.text,
    ...valueField('value', message.value),
    ...(isTruncated && { truncated: true as const }),
  }
}

function withDrops(output: Outcome['output'], { bytes, chunks }: HostDrops): Outcome['output'] {
  if (chunks === 0) return output
  return { ...output, droppedBytes: output.droppedBytes + bytes, droppedChunks: output.droppedChunks + chunks }
}

/** `{}` when there is no value or when what a worker sent as one is not one. */
function valueField<Key extends string>(key: Key, bytes: Uint8Array | undefined): { readonly [K in Key]?: unknown } {
  if (bytes === undefined) return {}
  try {
    return { [key]: decodeValue(bytes) } as { readonly [K in Key]?: unknown }
  } catch {
    return {}
  }
}

/** An error as callers see it: absent fields are absent, and `thrown` is decoded. */
export function outcomeErrorOf(error: WireError): OutcomeError {
  return {
    name: error.name,
    message: error.message,
    ...(error.code !== undefined && { code: error.code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.line !== undefined && { line: error.line }),
    ...(error.column !== undefined && { column: error.column }),
    ...(error.cause !== undefined && { cause: outcomeErrorOf(error.cause) }),
    ...(error.errors !== undefined && { errors: error.errors.map(outcomeErrorOf) }),
    ...valueField('thrown', error.thrown),
  }
}

/** One of Capsule's own errors as the error of an outcome. */
export function outcomeErrorFrom(error: CapsuleError): OutcomeError {
  const { name, message, code, cause } = error
  return { name, message, code, ...(isCapsuleError(cause) && { cause: outcomeErrorFrom(cause) }) }
}
