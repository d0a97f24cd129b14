import { type CapsuleError, coreErrors } from '@capsule/core'
import { executorErrors } from './errors.ts'
import type { CancelMessage, WireError } from '@capsule/protocol'

/** Why a cell that was dropped or terminated has ended. */
export function droppedError(reason: CancelMessage['reason']): WireError {
  // the worker does not know the deadline
  if (reason === 'timed-out') return { name: 'CapsuleError', message: 'the cell timed out', code: 'TIMED_OUT' }
  return describe(coreErrors.CANCELLED({ what: 'the cell' }))
}

export function disposedError(executor: string): WireError {
  return describe(executorErrors.EXECUTOR_DISPOSED({ executor }))
}

/** Why a cell has ended beside which another was terminated. */
export function interruptedError(executionId: string): WireError {
  return describe(executorErrors.EXECUTION_INTERRUPTED({ executionId }))
}

/** A failure of the engine itself, which encodes the cells' own errors. */
export function failureOf(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack, code } = error as Error & { code?: string }
  return { name, message, ...(code === undefined ? {} : { code }), ...(stack === undefined ? {} : { stack }) }
}

function describe({ name, message, code }: CapsuleError): WireError {
  return { name, message, code }
}
