import { createHash } from 'node:crypto'

/** The SQL of one schema; everything that a caller gives is a parameter. */
export interface PostgresStatements {
  readonly table: string
  readonly isMigrated: string
  /** Several hosts may start at once; IF NOT EXISTS alone fails when they do. */
  readonly lock: string
  readonly schema: string
  readonly hasSchema: string
  readonly createSchema: string
  /** In a schema that is there. */
  readonly migrate: readonly string[]
  readonly listen: string
  readonly create: string
  readonly get: string
  readonly settle: string
  readonly timeOut: string
  /** Waits for a settlement that began in time and is not done yet: then that counts. */
  readonly timeOutOne: string
  readonly expire: string
  readonly trim: string
}

/** The database's clock decides, the same for every host. Microseconds keep the order of what settles within a millisecond. */
const clock = `clock AS MATERIALIZED (
  SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us)`
const isLate = `(state = 'pending' AND timeout_at <= now_us / 1000)`

const columns = `id, param, value, tags, created_by, settled_by, state, ${isLate} AS is_late,
  created_at::float8, timeout_at::float8, (now_us / 1000)::float8 AS now, (settled_at_us / 1000)::float8 AS settled_at`

export function createStatements(schema: string): PostgresStatements {
  const quoted = `"${schema.replaceAll('"', '""')}"`
  const table = `${quoted}.durable_promises`
  const key = createHash('sha256').update(schema).digest()
  const channel = `capsule_${key.toString('hex', 0, 16)}`
  const timeOut = `WITH ${clock} UPDATE ${table} SET state = 'timedout', settled_at_us = timeout_at * 1000
      FROM clock WHERE settled_at_us IS NULL AND timeout_at <= now_us / 1000`
  return {
    table,
    isMigrated: 'SELECT to_regclass($1) IS NOT NULL AS is_migrated',
    lock: `SELECT pg_advisory_xact_lock(${key.readBigInt64BE(16)})`,
    schema: quoted,
    hasSchema: 'SELECT to_regnamespace($1) IS NOT NULL AS has_schema',
    createSchema: `CREATE SCHEMA ${quoted}`,
    migrate: [
      `CREATE TABLE IF NOT EXISTS ${table} (
        id text COLLATE "C" PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('pending', 'resolved', 'rejected', 'canceled', 'timedout')),
        -- param, value and tags are JSON, which can hold what text can not
        param text,
        value text,
        tags text NOT NULL,
        created_at bigint NOT NULL,
        timeout_at bigint NOT NULL,
        settled_at_us bigint,
        created_by text NOT NULL,
        settled_by text,
        CHECK ((state = 'pending') = (settled_at_us IS NULL)))`,
      `CREATE INDEX IF NOT EXISTS durable_promises_pending ON ${table} (timeout_at) WHERE settled_at_us IS NULL`,
      `CREATE INDEX IF NOT EXISTS durable_promises_settled ON ${table} (settled_at_us) WHERE settled_at_us IS NOT NULL`,
    ],
    listen: `LISTEN ${channel}`,
    // no row: another one was created at the same time, which the next try sees
    create: `WITH ${clock}, added AS (
        INSERT INTO ${table} (id, state, param, tags, created_at, timeout_at, settled_at_us, created_by)
        SELECT $1, CASE WHEN $4::bigint <= now_us / 1000 THEN 'timedout' ELSE 'pending' END, $2, $3, now_us / 1000, $4,
          CASE WHEN $4::bigint <= now_us / 1000 THEN $4::bigint * 1000 END, $5
        FROM clock ON CONFLICT (id) DO NOTHING RETURNING *)
      SELECT ${columns} FROM added, clock UNION ALL
      SELECT ${columns} FROM ${table}, clock WHERE id = $1 AND NOT EXISTS (SELECT FROM added)`,
    get: `WITH ${clock} SELECT ${columns} FROM ${table}, clock WHERE id = $1`,
    // still pending: another one settled it at the same time, which the next try sees
    settle: `WITH ${clock}, settled AS (
        UPDATE ${table} SET state = $2, value = $3, settled_at_us = now_us, settled_by = $4
        FROM clock WHERE id = $1 AND state = 'pending' AND timeout_at > now_us / 1000 RETURNING ${table}.*),
      told AS MATERIALIZED (SELECT pg_notify('${channel}', id) FROM settled)
      SELECT ${columns}, (SELECT count(*) FROM told) FROM settled, clock UNION ALL
      SELECT ${columns}, 0 FROM ${table}, clock WHERE id = $1 AND NOT EXISTS (SELECT FROM settled)`,
    timeOut,
    timeOutOne: `${timeOut} AND id = $1`,
    expire: `WITH ${clock} DELETE FROM ${table} USING clock WHERE settled_at_us <= now_us - $1::bigint * 1000`,
    trim: `DELETE FROM ${table} WHERE settled_at_us <= (
      SELECT settled_at_us FROM ${table} WHERE settled_at_us IS NOT NULL ORDER BY settled_at_us DESC OFFSET $1 LIMIT 1)`,
  }
}
