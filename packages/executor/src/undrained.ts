import type { CapsuleError } from '@capsule/core'
import type { ResultMessage, TerminalErrorMessage } from '@capsule/protocol'

/** What ends an execution whose output could not be delivered, in the place of how it really ended. */
export function undrained(
  message: ResultMessage | TerminalErrorMessage,
  { name, message: text, code }: CapsuleError,
): TerminalErrorMessage {
  const cause = message.type === 'error' ? { cause: message.error } : {}
  const error = { name, message: text, code, ...cause }
  return { ...settlementOf(message), type: 'error', terminal: true, status: 'error', error }
}

/** The facts of a terminal message without how it ended. */
function settlementOf(message: ResultMessage | TerminalErrorMessage) {
  if (message.type === 'result') {
    const { type: _type, text: _text, value: _value, truncated: _truncated, ...settlement } = message
    return settlement
  }
  const { type: _type, terminal: _terminal, status: _status, rung: _rung, error: _error, ...settlement } = message
  return settlement
}
