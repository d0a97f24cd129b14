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
    this.#expire = database.prepare('DELETE FROM promises WHERE settlement IS NOT NULL AND settled_at <= ?')
    const last = database.prepare('SELECT max(settlement) AS last FROM promises').get() as { last: number | null }
    this.#lastSettlement = last.last ?? 0
    this.#nextSweepMs = nowMs
  }

  load(id: string): StoredPromise | undefined {
    const row = this.#select.get(id) as { promise: string } | undefined
    return row && (JSON.parse(row.promise) as StoredPromise)
  }

  save({ callbacks: _callbacks, listeners: _listeners, ...promise }: KeptPromise): void {
    const isSettled = promise.state !== 'pending'
    if (isSettled) this.#lastSettlement += 1
    const settlement = isSettled ? this.#lastSettlement : null
    this.#upsert.run(promise.id, JSON.stringify(promise), promise.timeoutAt, promise.settledAt, settlement)
    // settlements are numbered without gaps, and the oldest go first
    if (isSettled) this.#trim.run(this.#lastSettlement - this.#retention.maxSettled)
  }

  /** Pending ones whose time has come. */
  due(nowMs: number): string[] {
    return this.#selectDue.all(nowMs).map(({ id }) => id as string)
  }

  isSweepDue(nowMs: number): boolean {
    return nowMs >= this.#nextSweepMs
  }

  sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + Math.min(sweepEveryMs, this.#retention.settledMs / 10 + 1)
    this.#expire.run(nowMs - this.#retention.settledMs)
  }

  close(): void {
    this.#database.close()
  }
}
