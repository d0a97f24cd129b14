import type { DurableRecord, DurableState } from '../durable-promise-store.ts'

export interface PromiseRow {
  readonly id: string
  readonly state: DurableState
  /** It is pending after its time: nobody is told before that is written, since a settlement may be under way. */
  readonly is_late: boolean
  readonly param: string | null
  readonly value: string | null
  readonly tags: string
  readonly created_by: string
  readonly settled_by: string | null
  readonly created_at: number
  readonly timeout_at: number
  readonly settled_at: number | null
  /** What the database's clock said. */
  readonly now: number
}

/** JSON text: PostgreSQL's own has neither NUL nor half a surrogate pair. */
export const encodeText = (text: string | undefined): string | null =>
  text === undefined ? null : JSON.stringify(text)

export function recordOf(row: PromiseRow): DurableRecord {
  return Object.freeze({
    id: row.id,
    state: row.state,
    ...(row.param === null ? {} : { param: JSON.parse(row.param) as string }),
    ...(row.value === null ? {} : { value: JSON.parse(row.value) as string }),
    tags: Object.freeze(JSON.parse(row.tags) as Record<string, string>),
    createdAtMs: row.created_at,
    timeoutAtMs: row.timeout_at,
    ...(row.settled_at === null ? {} : { settledAtMs: row.settled_at }),
  })
}
