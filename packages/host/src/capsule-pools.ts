import type { Clock, IdSource, Logger } from '@capsule/core'
import { createPool, type Pool, type PooledSessionRequest, type PoolInfo } from '@capsule/pool'
import type { Session } from '@capsule/session'
import type { CapsulePoolOptions, CapsuleSessionOptions } from './capsule.ts'
import { hostErrors } from './errors.ts'
import type { ProviderShares } from './provider-shares.ts'

export interface CapsulePoolsOptions {
  readonly shares: ProviderShares
  /** With the capsule's defaults. */
  readonly createSession: (options: CapsuleSessionOptions) => Promise<Session>
  /** What a lease has used of the grants of its session stays behind when the namespace is emptied. */
  readonly areGrantsUntouched: (session: Session) => boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly ids: IdSource
}

/** The pools of one capsule. */
export class CapsulePools {
  readonly #options: CapsulePoolsOptions
  readonly #pools = new Set<Pool>()
  #own: Pool | undefined
  /** Its sessions are as those that `createSession()` starts. */
  #isOwnPlain = false

  constructor(options: CapsulePoolsOptions) {
    this.#options = options
  }

  /** @throws POOL_NOT_CONFIGURED */
  get own(): Pool {
    if (this.#own === undefined) throw hostErrors.POOL_NOT_CONFIGURED({})
    return this.#own
  }

  get ownInfo(): { readonly pool?: PoolInfo } {
    return this.#own === undefined ? {} : { pool: this.#own.info() }
  }

  /** @throws INVALID_OPTIONS, PROVIDER_DISPOSED */
  createOwn(options: CapsulePoolOptions): void {
    const { session = {}, warmup } = options
    this.#isOwnPlain = Object.keys(session).length === 0 && warmup?.code === undefined
    this.#own = this.create(options)
  }

  /** A session that is warm and nobody's; it is no longer the pool's then. */
  takeWarm(): Session | undefined {
    if (!this.#isOwnPlain || this.#own?.info().state !== 'open') return undefined
    return this.#own.tryAcquire()?.detach()
  }

  /** @throws INVALID_OPTIONS, PROVIDER_DISPOSED */
  create({ session = {}, ...options }: CapsulePoolOptions): Pool {
    const { shares, createSession, areGrantsUntouched, clock, logger, ids } = this.#options
    // its sessions come and go, and their providers stay until it has ended
    const share = shares.hold(session.capabilities ?? [])
    const onClosed = async (): Promise<void> => {
      this.#pools.delete(pool)
      await share.release()
    }
    const start = (request: PooledSessionRequest): Promise<Session> => createSession({ ...session, ...request })
    let pool: Pool
    try {
      pool = createPool({
        ...options,
        createSession: start,
        mayReuse: areGrantsUntouched,
        onClosed,
        clock,
        logger,
        ids,
      })
    } catch (error) {
      share.giveBack()
      throw error
    }
    this.#pools.add(pool)
    return pool
  }

  /** One for each pool that is left. */
  shutdown(options: { graceMs?: number }): Promise<void>[] {
    return [...this.#pools].map((pool) => pool.shutdown(options))
  }
}
