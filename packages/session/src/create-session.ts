import type { AbortOptions } from '@capsule/core'
import { CapsuleSession } from './capsule-session.ts'
import { type CreateSessionOptions, resolveOptions } from './options.ts'
import type { Session } from './session.ts'

/**
 * Starts a worker and resolves to its session once it is ready and warm.
 * @throws INVALID_OPTIONS, WORKER_SPAWN_FAILED, READY_TIMEOUT, PROTOCOL_MISMATCH, FEATURE_UNAVAILABLE, WARMUP_FAILED, CANCELLED
 */
export async function createSession(options: CreateSessionOptions): Promise<Session> {
  const startFork = (forkOptions: AbortOptions): Promise<Session> => {
    const { sessionId: _sessionId, onClosed: _onClosed, ...same } = options
    return createSession({ ...same, ...forkOptions })
  }
  const session = new CapsuleSession(resolveOptions({ startFork, ...options }))
  await session.start()
  return session
}
