/** Durable promises behind one port, durable executions, and execution across hosts. */
export type {
  AnsweredInput,
  Bridge,
  BridgedCall,
  BridgedExecution,
  BridgedInput,
  BridgedOutcome,
  CloseBridgeOptions,
  CreateBridgeOptions,
} from './bridge.ts'
export type { BridgeCounters, BridgeInfo } from './bridge-figures.ts'
export type { FoundPromise } from './correlation.ts'
export { createBridge } from './create-bridge.ts'
export type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ExecutionResult,
  RunExecution,
  ServeOptions,
  ServingHost,
} from './distribution/execution-distributor.ts'
export { createLocalDistributor, type LocalDistributorOptions } from './distribution/local-distributor.ts'
export { createDurableExecutions } from './durable/create-durable-executions.ts'
export type {
  CreateDurableExecutionsOptions,
  DurableExecuteOptions,
  DurableExecutions,
  DurableQuestion,
  DurableResult,
  OpenDurableSession,
} from './durable/durable-executions.ts'
export { bridgeErrors } from './errors.ts'
export type { PromiseIds } from './promise-ids.ts'
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
export { createResonateStore, type ResonateStoreOptions } from './stores/resonate/resonate-store.ts'
export type {
  ResonateMessage,
  ResonateNetwork,
  ResonatePromise,
  ResonateRequest,
  ResonateResponse,
  ResonateValue,
} from './stores/resonate/resonate-network.ts'
export { createEmbeddedStore, createSqliteStore, type SqliteStoreOptions } from './stores/resonate/sqlite-store.ts'
export { createResonateHttpStore, type ResonateHttpStoreOptions } from './stores/resonate/resonate-http-store.ts'
