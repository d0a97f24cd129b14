import {
  type AnsweredInput,
  type Bridge,
  type BridgeInfo,
  createBridge,
  type CreateBridgeOptions,
  createDurableExecutions,
  type CreateDurableExecutionsOptions,
  type DurableExecuteOptions,
  type DurableExecutions,
  type DurablePromiseStore,
  type DurableResult,
  type OpenDurableSession,
} from '@capsule/bridge'
import type { Clock, IdSource, Logger } from '@capsule/core'
import type { Session } from '@capsule/session'
import type { CapsuleSessionOptions } from './capsule.ts'
import { lazyEmbeddedStore } from './embedded-store.ts'
import { checkDurableSession } from './options.ts'
import type { ProviderShare, ProviderShares } from './provider-shares.ts'

/** Of `createCapsule({ durable })`. */
export interface DurableOptions
  extends
    Omit<CreateBridgeOptions, 'store' | 'clock' | 'logger' | 'ids'>,
    Pick<CreateDurableExecutionsOptions, 'leaseMs' | 'crashRetries'> {
  /** Yours to close. @defaultValue the embedded one: in memory, and gone with the capsule */
  readonly store?: DurablePromiseStore
}

export type CapsuleDurableOptions = DurableExecuteOptions<Omit<CapsuleSessionOptions, 'signal'>>

/** Cells that survive their host, each in a session of its own that ends with it. */
export interface CapsuleDurable {
  /** Providers in `session.capabilities` are disposed when the last call that waits for this id ends. As of `DurableExecutions`. */
  execute(options: CapsuleDurableOptions): Promise<DurableResult>
  answerInput(id: string, n: number, answer: string | null): Promise<AnsweredInput>
  cancel(id: string, options?: { reason?: string }): Promise<boolean>
  info(): BridgeInfo
}

/** What a session of a durable execution is given on top of its options. */
export interface DurableSession extends Pick<OpenDurableSession, 'guard'> {
  readonly bridge: () => BridgeInfo
}

export interface HostDurableParts {
  readonly options: DurableOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly ids: IdSource
  readonly shares: ProviderShares
  /** What a session gets whose options have no `env`. */
  readonly env: CapsuleSessionOptions['env']
  readonly openSession: (options: CapsuleSessionOptions, durable: DurableSession) => Promise<Session>
}

/** Of several calls that wait for one execution the providers of the first are used: all are kept for the last. */
interface Callers {
  waiting: number
  readonly shares: ProviderShare[]
}

/** @throws INVALID_OPTIONS, KEY_INVALID */
export class HostDurable implements CapsuleDurable {
  readonly #parts: HostDurableParts
  readonly #bridge: Bridge
  readonly #executions: DurableExecutions
  /** By the id of what they wait for. */
  readonly #callers = new Map<string, Callers>()
  /** The one that is not the user's. */
  readonly #ownStore: DurablePromiseStore | undefined

  constructor(parts: HostDurableParts) {
    const { clock, logger, ids } = parts
    const { leaseMs, crashRetries, store, ...options } = parts.options
    this.#parts = parts
    this.#ownStore = store === undefined ? lazyEmbeddedStore(clock) : undefined
    this.#bridge = createBridge({
      ...options,
      store: store ?? (this.#ownStore as DurablePromiseStore),
      clock,
      logger,
      ids,
    })
    this.#executions = createDurableExecutions({
      bridge: this.#bridge,
      openSession: (request) => this.#openSession(request),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(crashRetries !== undefined && { crashRetries }),
    })
  }

  async execute(options: CapsuleDurableOptions): Promise<DurableResult> {
    checkDurableSession(options)
    const { id, session } = options
    const group = this.#callers.get(id) ?? { waiting: 0, shares: [] }
    // each attempt has a session of its own, and they go from one to the next
    group.shares.push(this.#parts.shares.hold(session?.capabilities ?? []))
    group.waiting += 1
    this.#callers.set(id, group)
    try {
      return await this.#executions.execute(options)
    } finally {
      group.waiting -= 1
      if (group.waiting === 0) await this.#release(id, group)
    }
  }

  answerInput(id: string, n: number, answer: string | null): Promise<AnsweredInput> {
    return this.#executions.answerInput(id, n, answer)
  }

  cancel(id: string, options?: { reason?: string }): Promise<boolean> {
    return this.#executions.cancel(id, options)
  }

  info(): BridgeInfo {
    return this.#bridge.info()
  }

  /** What runs is stopped, and stays in the store as something to go on with. */
  async close(): Promise<void> {
    await this.#bridge.close({ reason: 'the capsule shuts down' })
    await this.#executions.close()
    await this.#ownStore?.close()
  }

  /** Nobody waits for it any more. What it came to is told, also when a provider fails to end. */
  async #release(id: string, { shares }: Callers): Promise<void> {
    this.#callers.delete(id)
    const released = await Promise.allSettled(shares.map((share) => share.release()))
    for (const each of released) {
      if (each.status === 'fulfilled') continue
      this.#parts.logger.warn('providers of a durable execution failed to end', { id, error: each.reason as unknown })
    }
  }

  #openSession({ options, env, guard, signal }: OpenDurableSession): Promise<Session> {
    const given: CapsuleSessionOptions = options
    const session = { ...given, env: { ...(given.env ?? this.#parts.env), ...env }, signal }
    return this.#parts.openSession(session, { guard, bridge: () => this.#bridge.info() })
  }
}
