import type { Clock, IdSource, Logger } from '@capsule/core'
import type { Session } from '@capsule/session'
import { resolvePoolOptions } from './options.ts'
import type { Pool, PooledSessionRequest, PoolOptions } from './pool.ts'
import { SessionPool } from './session-pool.ts'

export interface CreatePoolOptions extends PoolOptions {
  /** Makes one session; the pool ends it. Each must be a new one. */
  readonly createSession: (request: PooledSessionRequest) => Promise<Session>
  readonly clock?: Clock
  /** @defaultValue discards everything */
  readonly logger?: Logger
  readonly ids?: IdSource
}

/** Starts at once to create what `minIdle` asks for. @throws INVALID_OPTIONS */
export function createPool(options: CreatePoolOptions): Pool {
  return new SessionPool(resolvePoolOptions(options))
}
