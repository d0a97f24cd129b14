import { type CapsuleError, coreErrors } from '@capsule/core'
import { executorErrors } from '@capsule/executor'
import type { CancelMessage, WireError } from '@capsule/protocol'

/** Why a cell that never started has ended. */
export function droppedError(reason: CancelMessage['reason']): WireError {
  // how long the host let it wait is not told
  if (reason === 'timed-out')
    return { name: 'CapsuleError', message: 'the cell timed out before it started', code: 'TIMED_OUT' }
  return describe(coreErrors.CANCELLED({ what: 'the cell' }))
}

export function disposedError(executor: string): WireError {
  return describe(executorErrors.EXECUTOR_DISPOSED({ executor }))
}

/** A failure of the engine itself, which encodes the cells' own errors. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack } = error
  return { name, message, ...(stack === undefined ? {} : { stack }) }
}

function describe({ name, message, code }: CapsuleError): WireError {
  return { name, message, code }
}
