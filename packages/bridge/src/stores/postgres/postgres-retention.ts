import type { Clock } from '@capsule/core'
import type { Retention } from '../store-options.ts'
import type { PostgresDatabase } from './postgres-database.ts'
import type { PostgresStatements } from './postgres-statements.ts'

const longestPauseMs = 60_000

/** Removes what was settled long ago, now and then: after a tenth more than it may keep, or a tenth of the time. */
export class PostgresRetention {
  readonly #retention: Retention
  readonly #database: PostgresDatabase
  readonly #statements: PostgresStatements
  readonly #clock: Clock
  #settled = 0
  #nextMs: number

  constructor(retention: Retention, database: PostgresDatabase, statements: PostgresStatements, clock: Clock) {
    this.#retention = retention
    this.#database = database
    this.#statements = statements
    this.#clock = clock
    this.#nextMs = clock.now()
  }

  /** After each settlement. */
  async count(): Promise<void> {
    this.#settled += 1
    const { maxSettled, settledMs } = this.#retention
    if (this.#settled <= maxSettled / 10 && this.#clock.now() < this.#nextMs) return
    this.#settled = 0
    this.#nextMs = this.#clock.now() + Math.min(longestPauseMs, settledMs / 10)
    const { timeOut, expire, trim } = this.#statements
    try {
      await this.#run(timeOut, [])
      await this.#run(expire, [Math.ceil(settledMs)])
      await this.#run(trim, [maxSettled])
    } catch {
      // the next one tries again; the settlement is done
    }
  }

  async #run(text: string, values: readonly unknown[]): Promise<void> {
    await this.#database.rows('remove what is old', text, values, { retryMs: 0 })
  }
}
