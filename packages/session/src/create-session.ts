import { CapsuleSession } from './capsule-session.ts'
import { type CreateSessionOptions, resolveOptions } from './options.ts'
import type { Session } from './session.ts'

/**
 * Starts a worker and resolves to its session once it is ready and warm.
 * @throws INVALID_OPTIONS, WORKER_SPAWN_FAILED, READY_TIMEOUT, PROTOCOL_MISMATCH, FEATURE_UNAVAILABLE, WARMUP_FAILED, CANCELLED
 */
export async function createSession(options: CreateSessionOptions): Promise<Session> {
  const session = new CapsuleSession(resolveOptions(options))
  await session.start()
  return session
}
