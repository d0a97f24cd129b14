import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Retention } from '../store-options.ts'
import type { KeptPromise } from './resonate-mind.ts'

type StoredPromise = Omit<KeptPromise, 'callbacks' | 'listeners'>

/** How often what is old is looked for, at most. */
const sweepEveryMs = 60_000

const schema = `
  CREATE TABLE IF NOT EXISTS promises (
    id TEXT PRIMARY KEY,
    promise TEXT NOT NULL,
    timeout_at INTEGER NOT NULL,
    settled_at INTEGER,
    -- counts settlements, so that the oldest are known also within a millisecond
    settlement INTEGER
  );
  CREATE INDEX IF NOT EXISTS promises_pending ON promises (timeout_at) WHERE settlement IS NULL;
  CREATE UNIQUE INDEX IF NOT EXISTS promises_settlement ON promises (settlement) WHERE settlement IS NOT NULL;
  CREATE INDEX IF NOT EXISTS promises_settled ON promises (settled_at) WHERE settled_at IS NOT NULL;
`

/** Promises in a SQLite database. */
export class SqlitePromises {
  readonly #database: DatabaseSync
  readonly #retention: Retention
  readonly #select: StatementSync
  readonly #upsert: StatementSync
  readonly #selectDue: StatementSync
  readonly #trim: StatementSync
  readonly #expire: StatementSync
  #lastSettlement: number
  #nextSweepMs: number

  constructor(database: DatabaseSync, retention: Retention, nowMs: number) {
    this.#database = database
    this.#retention = retention
    database.exec(schema)
    this.#select = database.prepare('SELECT promise FROM promises WHERE id = ?')
    this.#upsert = database.prepare(`
      INSERT INTO promises (id, promise, timeout_at, settled_at, settlement) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET promise = excluded.promise, settled_at = excluded.settled_at,
        settlement = excluded.settlement`)
    this.#selectDue = database.prepare(
      'SELECT id FROM promises WHERE settlement IS NULL AND timeout_at <= ? ORDER BY timeout_at',
    )
    this.#trim = database.prepare('DELETE FROM promises WHERE settlement <= ?')
    this.#expire = database.prepare('DELETE FROM promises WHERE settled_at <= ?')
    const last = database.prepare('SELECT max(settlement) AS last FROM promises').get() as { last: number | null }
    this.#lastSettlement = last.last ?? 0
    this.#nextSweepMs = nowMs
  }

  load(id: string): StoredPromise | undefined {
    const row = this.#select.get(id) as { promise: string } | undefined
    return row && (JSON.parse(row.promise) as StoredPromise)
  }

  save({ callbacks: _callbacks, listeners: _listeners, ...promise }: KeptPromise): void {
    const write = (settlement: number | null): void => {
      this.#upsert.run(promise.id, JSON.stringify(promise), promise.timeoutAt, promise.settledAt, settlement)
    }
    if (promise.state === 'pending') return write(null)
    // settlements are numbered without gaps, and the oldest go first
    const settlement = this.#lastSettlement + 1
    const lastTrimmed = settlement - this.#retention.maxSettled
    if (lastTrimmed <= 0) write(settlement)
    else
      this.atomically(() => {
        write(settlement)
        this.#trim.run(lastTrimmed)
      })
    this.#lastSettlement = settlement
  }

  /** All that is written or nothing, with one wait for the disk. */
  atomically(write: () => void): void {
    const before = this.#lastSettlement
    this.#database.exec('SAVEPOINT writes')
    try {
      write()
      this.#database.exec('RELEASE writes')
    } catch (error) {
      this.#lastSettlement = before
      // a full disk has ended the transaction already
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK TO writes; RELEASE writes')
      throw error
    }
  }

  /** Pending ones whose time has come. */
  due(nowMs: number): string[] {
    return this.#selectDue.all(nowMs).map(({ id }) => id as string)
  }

  isSweepDue(nowMs: number): boolean {
    return nowMs >= this.#nextSweepMs
  }

  sweepBegins(nowMs: number): void {
    this.#nextSweepMs = nowMs + Math.min(sweepEveryMs, this.#retention.settledMs / 10 + 1)
  }

  expire(nowMs: number): void {
    this.#expire.run(nowMs - this.#retention.settledMs)
  }

  close(): void {
    this.#database.close()
  }
}
