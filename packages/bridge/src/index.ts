/** Durable promises behind one port, durable executions, and execution across hosts. */
export type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ServeOptions,
  ServingHost,
} from './distribution/execution-distributor.ts'
export { bridgeErrors } from './errors.ts'
export type {
  CreateDurablePromise,
  DurablePromiseStore,
  DurableRecord,
  DurableState,
  SettleDurablePromise,
  StoreCapabilities,
} from './stores/durable-promise-store.ts'
export { createMemoryStore } from './stores/memory-store.ts'
export type { MemoryStoreOptions, StoreRetention } from './stores/store-options.ts'
