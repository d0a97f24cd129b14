import type { Clock, IdSource, Logger } from '@capsule/core'
import type { Session } from '@capsule/session'
import { resolvePoolOptions } from './options.ts'
import type { Pool, PooledSessionRequest, PoolOptions } from './pool.ts'
import { SessionPool } from './session-pool.ts'

export interface CreatePoolOptions extends PoolOptions {
  /** Makes one session; the pool ends it. Each must be a new one. `shutdown()` aborts the signal, and waits until this has settled. */
  readonly createSession: (request: PooledSessionRequest) => Promise<Session>
  /** Before a session is handed out again: whether nothing outside the namespace is left of the lease; false, or it throws: recycle. @defaultValue true */
  readonly mayReuse?: (session: Session) => boolean
  /** Called at the end of `shutdown()`, which waits for it. */
  readonly onClosed?: () => void | Promise<void>
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
  readonly ids?: IdSource
}

/** Starts at once to create what `minIdle` asks for. @throws INVALID_OPTIONS */
export function createPool(options: CreatePoolOptions): Pool {
  return new SessionPool(resolvePoolOptions(options))
}
