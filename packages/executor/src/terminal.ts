import type { OrderedMessage, UncountedTerminal } from './output-pump.ts'
import type { Completion, PreparedCell } from './cell-runner.ts'
import { droppedError } from './harness-errors.ts'
import type { CancelMessage, TransactionReport, WireError } from '@capsule/protocol'

/** How an execution ended: by itself, or by a rung of the cancel ladder. */
export type Ending =
  | Completion
  | {
      readonly kind: 'stopped'
      readonly status: 'cancelled' | 'timed-out'
      readonly rung: 0 | 1 | 2
      readonly error: WireError
    }
  /** Its code may have been terminated because of another execution. */
  | { readonly kind: 'interrupted'; readonly error: WireError }

interface Facts {
  readonly executionId: string
  /** Undefined: dropped before it was compiled. */
  readonly prepared: PreparedCell | undefined
  readonly executor: string
  readonly durationMs: number
  readonly transaction?: TransactionReport | undefined
}

/** The last message of its execution. */
export function isTerminalMessage(message: OrderedMessage): message is UncountedTerminal {
  return message.type === 'result' || (message.type === 'error' && message.terminal)
}

/** The last message of an execution that the host has stopped. */
export function isStopped(message: OrderedMessage): boolean {
  return message.type === 'error' && message.terminal && message.status !== 'error'
}

/** The terminal message of a cell that was cancelled before the thread that runs cells had heard of it. */
export function droppedTerminal(executionId: string, status: CancelMessage['reason']): UncountedTerminal {
  const facts = { executionId, prepared: undefined, executor: '', durationMs: 0 }
  return terminalOf(facts, { kind: 'stopped', status, rung: 0, error: droppedError(status) })
}

/** The terminal message of one execution, for the pump to count. */
export function terminalOf(facts: Facts, ending: Ending): UncountedTerminal {
  const { executionId, prepared, executor, durationMs, transaction } = facts
  const cell = prepared?.cell ?? 0
  const mode = prepared?.mode ?? 'unknown'
  const settlement = { executionId, cell, mode, executor, durationMs, ...(transaction && { transaction }) }
  switch (ending.kind) {
    case 'value': {
      const { text, value, truncated } = ending
      // nearly every cell ends here: named one by one, and of one shape with a value or without
      const result: UncountedTerminal = { type: 'result', executionId, cell, mode, executor, durationMs, text }
      if (value !== undefined) result.value = value
      if (truncated) result.truncated = truncated
      if (transaction !== undefined) result.transaction = transaction
      return result
    }
    case 'throw':
      return { type: 'error', terminal: true, ...settlement, status: 'error', error: ending.error }
    case 'interrupted':
      return { type: 'error', terminal: true, ...settlement, status: 'error', tainted: true, error: ending.error }
    case 'stopped': {
      const { status, rung, error } = ending
      // a termination may have gone through Node's internals
      const tainted = rung === 2 ? { tainted: true as const } : {}
      return { type: 'error', terminal: true, ...settlement, status, rung, ...tainted, error }
    }
  }
}
