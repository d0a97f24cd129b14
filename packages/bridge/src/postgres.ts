/** Durable promises in PostgreSQL; needs the package `pg`. */
export { createPostgresStore } from './stores/postgres/create-postgres-store.ts'
export type { PostgresClient, PostgresPool, PostgresResult } from './stores/postgres/postgres-pool.ts'
export type { PostgresStoreOptions } from './stores/postgres/postgres-store-options.ts'
