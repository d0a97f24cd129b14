import { type AbortOptions, type Clock, withDeadline } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import { createOpenCalls, type OpenCalls } from '../open-calls.ts'
import { withRetries } from '../retries.ts'
import { bridgeErrorOf, isTransient } from './postgres-errors.ts'
import type { PostgresPool } from './postgres-pool.ts'
import type { PromiseRow } from './postgres-record.ts'
import type { PostgresStatements } from './postgres-statements.ts'

export interface PostgresDatabaseParts {
  readonly name: string
  readonly pool: PostgresPool
  /** The pool ends with the store. */
  readonly isOwnPool: boolean
  readonly statements: PostgresStatements
  readonly clock: Clock
  readonly retryMs: number
}

/** How long the connections get to end, in milliseconds; a server that hangs does not hold `close()` for longer. */
const endMs = 2000

/** Statements with an answer, or an error of the bridge. */
export class PostgresDatabase {
  readonly #parts: PostgresDatabaseParts
  readonly #open: OpenCalls = createOpenCalls()

  constructor(parts: PostgresDatabaseParts) {
    this.#parts = parts
    parts.pool.on('error', this.#onIdleError)
  }

  /** @throws STORE_UNAVAILABLE, STORE_UNAUTHORIZED, STORE_CLOSED, CANCELLED */
  async rows(
    action: string,
    text: string,
    values: readonly unknown[],
    options: AbortOptions & { retryMs?: number } = {},
  ): Promise<readonly PromiseRow[]> {
    const { pool } = this.#parts
    const run = async (): Promise<readonly PromiseRow[]> => (await pool.query(text, values)).rows as PromiseRow[]
    return this.#call(action, options, run)
  }

  /** Makes what is missing; several hosts may do so at once. */
  migrate(options: AbortOptions): Promise<void> {
    const { pool, statements } = this.#parts
    return this.#call('create its table', options, async () => {
      const { rows } = await pool.query(statements.isMigrated, [statements.table])
      // without this a user who may not create could not use what is there
      if ((rows[0] as { is_migrated: boolean }).is_migrated) return
      const client = await pool.connect()
      let isDone = false
      // told to the statement that runs
      client.on('error', () => {})
      try {
        await client.query('BEGIN')
        await client.query(statements.lock)
        const found = await client.query(statements.hasSchema, [statements.schema])
        // CREATE SCHEMA IF NOT EXISTS needs a right of the database also when the schema is there
        if (!(found.rows[0] as { has_schema: boolean }).has_schema) await client.query(statements.createSchema)
        for (const text of statements.migrate) await client.query(text)
        await client.query('COMMIT')
        isDone = true
      } finally {
        client.release(!isDone)
      }
    })
  }

  async close(): Promise<void> {
    const { name, pool, isOwnPool, clock } = this.#parts
    this.#open.close(bridgeErrors.STORE_CLOSED({ store: name }))
    if (isOwnPool)
      await withDeadline(pool.end(), { clock, timeoutMs: endMs, what: 'the end of the pool' }).catch(() => {})
    // what it still reports comes from connections that end
    else pool.off('error', this.#onIdleError)
  }

  /** The pool makes a new connection; the statement of a busy one fails on its own. */
  readonly #onIdleError = (): void => {}

  #call<T>(action: string, options: AbortOptions & { retryMs?: number }, attempt: () => Promise<T>): Promise<T> {
    const { name, clock, retryMs } = this.#parts
    return this.#open.run(`${action}()`, options.signal, (call) =>
      withRetries({ clock, retryMs: options.retryMs ?? retryMs, call, isTransient }, attempt).catch(
        (error: unknown): never => {
          throw bridgeErrorOf(error, name, action)
        },
      ),
    )
  }
}
