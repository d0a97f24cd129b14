import type { ExecuteMessage } from '@capsule/protocol'
import type { ExecuteOptions } from './session.ts'

export interface ExecutionRequest {
  readonly message: ExecuteMessage
  readonly timeoutMs: number
  readonly graceMs: number
  readonly signal?: AbortSignal | undefined
}

/** The request as one call's options change it. */
export function withOptions(request: ExecutionRequest, options: ExecuteOptions): ExecutionRequest {
  const { signal, timeoutMs = request.timeoutMs, graceMs = request.graceMs, ...others } = options
  // what is between the caller and the session is not the worker's business
  const { queue: _queue, idempotencyKey: _idempotencyKey, replay: _replay, ...cell } = others
  return { message: { ...request.message, ...cell }, timeoutMs, graceMs, signal }
}
