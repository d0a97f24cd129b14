import { type AbortOptions, type Clock, createRandomIds } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import type { DurablePromiseStore, DurableRecord, StoreCapabilities } from '../durable-promise-store.ts'
import { checkCreate, checkId, checkSettle } from '../store-calls.ts'
import { StoreWaits } from '../store-waits.ts'
import { PostgresDatabase } from './postgres-database.ts'
import { createPostgresListener, type PostgresListener } from './postgres-listener.ts'
import type { PostgresPool } from './postgres-pool.ts'
import { encodeText, type PromiseRow, recordOf } from './postgres-record.ts'
import { PostgresRetention } from './postgres-retention.ts'
import { createStatements, type PostgresStatements } from './postgres-statements.ts'
import type { ResolvedPostgresStoreOptions } from './postgres-store-options.ts'

type CallOptions = AbortOptions & { retryMs?: number }

/** Notifications come once it listens and again after each gap; asked again only because a connection can die unnoticed. */
const rewaitMs = 15_000

export class PostgresStore implements DurablePromiseStore {
  readonly capabilities: StoreCapabilities = Object.freeze({
    name: 'postgres',
    persistent: true,
    shared: true,
    enforcesTimeouts: true,
  })
  readonly #statements: PostgresStatements
  readonly #database: PostgresDatabase
  readonly #retention: PostgresRetention
  readonly #listener: PostgresListener
  readonly #waits: StoreWaits
  readonly #ids = createRandomIds()
  /** How far the database's clock is ahead of this one's: deadlines are those of the database. */
  #aheadMs = 0
  readonly #clock: Clock
  #closing: Promise<void> | undefined

  constructor(pool: PostgresPool, options: ResolvedPostgresStoreOptions) {
    const { schema, retention, retryMs, clock } = options
    this.#clock = clock
    const { name } = this.capabilities
    this.#statements = createStatements(schema)
    const { listen } = this.#statements
    const isOwnPool = options.pool === undefined
    this.#database = new PostgresDatabase({ name, pool, isOwnPool, statements: this.#statements, clock, retryMs })
    this.#retention = new PostgresRetention(retention, this.#database, this.#statements, clock)
    this.#waits = new StoreWaits({
      clock: {
        now: () => clock.now(),
        wallTimeMs: () => clock.wallTimeMs() + this.#aheadMs,
        setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
      },
      rewaitMs,
      register: (id) => this.#register(id),
    })
    const onListening = (): void => this.#waits.registerAll()
    const onNotification = (id: string): void => this.#waits.register(id)
    this.#listener = createPostgresListener({ pool, listen, clock, onListening, onNotification })
  }

  async start(signal: AbortSignal | undefined): Promise<void> {
    await this.#database.migrate({ signal })
  }

  async create(...[promise, options]: Parameters<DurablePromiseStore['create']>) {
    const { given, signal } = checkCreate(promise, options)
    const { id, timeoutAtMs, param, tags } = given
    const token = this.#ids.next('call')
    const values = [id, encodeText(param), JSON.stringify(tags), timeoutAtMs, token]
    for (;;) {
      const row = await this.#row('create', this.#statements.create, values, { signal })
      if (row !== undefined && !row.is_late) return { record: this.#told(row), created: row.created_by === token }
    }
  }

  async get(...[id, options]: Parameters<DurablePromiseStore['get']>) {
    const signal = checkId('get()', id, options)
    const row = await this.#find('get', id, { signal })
    return row && this.#told(row)
  }

  async settle(...[settlement, options]: Parameters<DurablePromiseStore['settle']>) {
    const { given, signal } = checkSettle(settlement, options)
    const { id, state, value } = given
    const token = this.#ids.next('call')
    for (;;) {
      const values = [id, state, encodeText(value), token]
      const row = await this.#row('settle', this.#statements.settle, values, { signal })
      if (row === undefined) throw bridgeErrors.PROMISE_NOT_FOUND({ id })
      if (row.state === 'pending') continue
      // before any notification: what was settled here is known here
      const record = this.#told(row)
      const applied = row.settled_by === token
      if (applied) await this.#retention.count()
      return { record, applied }
    }
  }

  async wait(...[id, options]: Parameters<DurablePromiseStore['wait']>) {
    const signal = checkId('wait()', id, options)
    if (this.#closing !== undefined) throw this.#closed()
    return this.#waits.add(id, { signal })
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #register(id: string): Promise<DurableRecord> {
    this.#listener.open()
    // its waits try again on their own
    const row = await this.#find('wait', id, { retryMs: 0 })
    if (row === undefined) throw bridgeErrors.PROMISE_NOT_FOUND({ id })
    return this.#told(row)
  }

  async #find(action: string, id: string, options: CallOptions): Promise<PromiseRow | undefined> {
    for (;;) {
      const row = await this.#row(action, this.#statements.get, [id], options)
      if (row?.is_late !== true) return row
    }
  }

  /** One that is late is timed out, or settled by another, when it is read again. */
  async #row(action: string, text: string, values: readonly unknown[], options: CallOptions) {
    const [row] = await this.#database.rows(action, text, values, options)
    if (row?.is_late === true) await this.#database.rows(action, this.#statements.timeOutOne, [row.id], options)
    return row
  }

  #told(row: PromiseRow): DurableRecord {
    this.#aheadMs = row.now - this.#clock.wallTimeMs()
    const record = recordOf(row)
    this.#waits.tell(record)
    return record
  }

  async #stop(): Promise<void> {
    this.#waits.close(this.#closed())
    this.#listener.close()
    await this.#database.close()
  }

  #closed() {
    return bridgeErrors.STORE_CLOSED({ store: this.capabilities.name })
  }
}
