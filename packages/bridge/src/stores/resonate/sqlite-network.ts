import { DatabaseSync } from 'node:sqlite'
import type { AbortOptions, Clock } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import type { Retention } from '../store-options.ts'
import type { ResonateMessage, ResonateNetwork, ResonateRequest } from './resonate-network.ts'
import { createResonateMind, type KeptPromise, type ResonateMind } from './resonate-mind.ts'
import { SqlitePromises } from './sqlite-promises.ts'

export interface SqliteNetworkParts {
  /** `:memory:`, or of a file. */
  readonly path: string
  readonly sync: 'normal' | 'full'
  readonly retention: Retention
  readonly clock: Clock
}

/**
 * The SDK's local server, which keeps in memory no more than the promise it decides about: all others are in SQLite.
 * Promises only: tasks and schedules are answered 501.
 */
export class SqliteNetwork implements ResonateNetwork {
  readonly unicast = 'local://uni@capsule/store'
  readonly #parts: SqliteNetworkParts
  readonly #listeners = new Set<string>()
  readonly #callbacks: ((message: ResonateMessage) => void)[] = []
  #state: { readonly mind: ResonateMind; readonly promises: SqlitePromises } | undefined

  constructor(parts: SqliteNetworkParts) {
    this.#parts = parts
  }

  /** @throws STORE_IN_USE, STORE_UNAVAILABLE */
  async init(): Promise<void> {
    const mind = await createResonateMind()
    const promises = openPromises(this.#parts)
    this.#state = { mind, promises }
    this.#sweep()
  }

  async stop(): Promise<void> {
    this.#state?.promises.close()
    this.#state = undefined
    this.#callbacks.length = 0
    this.#listeners.clear()
  }

  recv(callback: (message: ResonateMessage) => void): void {
    this.#callbacks.push(callback)
  }

  async send(request: ResonateRequest, _options?: AbortOptions) {
    if (!request.kind.startsWith('promise.'))
      return { kind: request.kind, head: { status: 501 }, data: 'not implemented' }
    const { promises } = this.#open
    const { clock } = this.#parts
    const { response, messages } = this.#apply('id' in request.data ? request.data.id : request.data.awaited, request)
    this.#deliver(messages)
    if (promises.isSweepDue(clock.wallTimeMs())) this.#sweep()
    return response
  }

  get #open() {
    if (this.#state === undefined) throw new Error('it is stopped')
    return this.#state
  }

  #apply(id: string, request: ResonateRequest) {
    const { mind, promises } = this.#open
    const before = promises.load(id)
    const kept: KeptPromise | undefined = before && {
      ...before,
      callbacks: new Set(),
      listeners: new Set(this.#listeners.has(id) ? [this.unicast] : []),
    }
    const { response, messages, after } = mind.decide(this.#parts.clock.wallTimeMs(), request, kept)
    if (after !== undefined && (before === undefined || before.state !== after.state)) promises.save(after)
    if (after?.listeners.size) this.#listeners.add(id)
    else this.#listeners.delete(id)
    return { response, messages }
  }

  #deliver(messages: readonly ResonateMessage[]): void {
    for (const message of messages) for (const callback of this.#callbacks) callback(message)
  }

  /** Times out what is due, and removes what was settled long ago. What fails is left to the next one: no call is about it. */
  #sweep(): void {
    const { promises } = this.#open
    const nowMs = this.#parts.clock.wallTimeMs()
    const messages: ResonateMessage[] = []
    promises.sweepBegins(nowMs)
    try {
      promises.atomically(() => {
        for (const id of promises.due(nowMs)) messages.push(...this.#timeOut(id))
        promises.expire(nowMs)
      })
    } catch {
      return
    }
    this.#deliver(messages)
  }

  #timeOut(id: string): readonly ResonateMessage[] {
    try {
      return this.#apply(id, { kind: 'promise.get', head: { corrId: '', version: '' }, data: { id } }).messages
    } catch {
      // one that cannot be read does not keep the others
      return []
    }
  }
}

function openPromises({ path, sync, retention, clock }: SqliteNetworkParts): SqlitePromises {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    // the lock is taken now and kept: of two processes that decided about one promise neither could be believed
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${sync === 'full' ? 'FULL' : 'NORMAL'}`)
    return new SqlitePromises(database, retention, clock.wallTimeMs())
  } catch (error) {
    if (database?.isOpen === true) database.close()
    const busyCode = 5
    // the upper bits say why
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === busyCode)
      throw bridgeErrors.STORE_IN_USE({ path }, { cause: error })
    const reason = error instanceof Error ? error.message : String(error)
    throw bridgeErrors.STORE_UNAVAILABLE({ store: 'sqlite', action: `open ${path}`, reason }, { cause: error })
  }
}
