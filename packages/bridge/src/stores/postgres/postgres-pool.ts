/** What of a `Pool` of `pg` is used. */
export interface PostgresPool {
  query(text: string, values?: readonly unknown[]): Promise<PostgresResult>
  /** One connection is taken for as long as the store waits for something: a pool needs two at least. */
  connect(): Promise<PostgresClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

export interface PostgresClient {
  query(text: string, values?: readonly unknown[]): Promise<PostgresResult>
  /** `true` closes the connection. */
  release(isBroken?: boolean): void
  on(event: string, listener: (value: never) => void): unknown
  /** Of `pg`'s own clients. */
  unref?(): void
}

export interface PostgresResult {
  readonly rows: readonly unknown[]
}

/** A pool of the store's own, with what `pg` takes for a connection. `pg` is loaded only then. */
export async function createPool(connection: string | Readonly<Record<string, unknown>>): Promise<PostgresPool> {
  const { default: pg } = await import('pg')
  const given = typeof connection === 'string' ? { connectionString: connection } : connection
  return new pg.Pool({
    application_name: 'capsule-store',
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
    keepAlive: true,
    max: 4,
    ...given,
    // an idle store does not hold the process
    allowExitOnIdle: true,
  }) as unknown as PostgresPool
}
