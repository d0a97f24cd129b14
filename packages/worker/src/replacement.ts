import type { ExecutorMessage } from '@capsule/executor'
import type { WireError } from '@capsule/protocol'

// unit: characters; a question that needs more than a frame is still asked
const cutPromptLength = 1000

/** What goes out in the place of a message that the transport refused, so that an execution still ends, and only once. */
export function replacementOf(message: ExecutorMessage, refusal: unknown): ExecutorMessage {
  switch (message.type) {
    case 'result': {
      const { text: _text, value: _value, truncated: _truncated, transaction, ...settlement } = message
      const told = transaction && { transaction: { ...transaction, report: [] } }
      return { ...settlement, ...told, type: 'error', terminal: true, status: 'error', error: wireErrorOf(refusal) }
    }
    case 'error':
      return { ...message, error: wireErrorOf(refusal) }
    case 'input-request':
      return { ...message, prompt: `${message.prompt.slice(0, cutPromptLength)}…` }
    case 'display': {
      const { metadata: _metadata, dropped: _dropped, ...head } = message
      return { ...head, data: {}, truncated: true }
    }
    case 'progress': {
      const { text: _text, ...numbers } = message
      return numbers
    }
    case 'capability-request':
    case 'capability-cancel':
    case 'output':
      // cut to the settings or refused before, by sizes that the limits bound
      throw refusal
  }
}

export function wireErrorOf(error: unknown): WireError {
  const { name, message, code } = error as Partial<Record<'name' | 'message' | 'code', string>>
  return { name: name ?? 'Error', message: message ?? String(error), ...(code === undefined ? {} : { code }) }
}

type TerminalError = Extract<ExecutorMessage, { type: 'error'; terminal: true }>

/** The end of an execution that was not accepted. */
export function refusedExecution(executionId: string, executor: string, error: unknown): TerminalError {
  return {
    type: 'error',
    terminal: true,
    executionId,
    status: 'error',
    cell: 0,
    mode: 'unknown',
    executor,
    durationMs: 0,
    output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
    error: wireErrorOf(error),
  }
}
