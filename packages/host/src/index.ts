/** createCapsule(): persistent, process-isolated sessions that run JavaScript and TypeScript cells. */
export {
  type Checkpoint,
  type CheckpointLimits,
  type CheckpointRetention,
  type CheckpointStore,
  type CheckpointSummary,
  createDirectoryCheckpointStore,
  createMemoryCheckpointStore,
  type DirectoryCheckpointStoreOptions,
  type MemoryCheckpointStoreOptions,
  readCheckpoint,
  type ReadCheckpointOptions,
} from '@capsule/session'
export {
  type BridgeInfo,
  createSqliteStore,
  type DurablePromiseStore,
  type DurableQuestion,
  type DurableResult,
  type SqliteStoreOptions,
} from '@capsule/bridge'
export {
  type AuditRecord,
  type AuditSink,
  createJsonLinesAudit,
  createMemoryAudit,
  definePolicy,
  policies,
  type PolicyRule,
  type SecurityPolicy,
  type SessionCapabilities,
} from '@capsule/capabilities'
export type { CapabilityProvider } from '@capsule/core'
export {
  type AcquireOptions,
  type Lease,
  type Pool,
  poolErrors,
  type PoolEvents,
  type PoolInfo,
  type PoolOptions,
  type RecycleReason,
} from '@capsule/pool'
export type {
  Approval,
  ApprovalDecision,
  ExecuteOptions,
  Execution,
  ExecutionEvent,
  Outcome,
  OutcomeError,
  RunOptions,
  RunResult,
  Session,
  SessionEvents,
  SessionInfo,
  SessionOptions,
  WarmupCell,
  WarmupReport,
} from '@capsule/session'
export {
  type AskedIsolation,
  customDriver,
  type CustomDriverOptions,
  isConfined,
  type IsolationDriver,
  type IsolationLevel,
  sandboxErrors,
} from '@capsule/sandbox'
export type { Capsule, CapsuleInfo, CapsuleOptions, CapsulePoolOptions, CapsuleSessionOptions } from './capsule.ts'
export { createCapsule } from './create-capsule.ts'
export type { CapsuleDurable, CapsuleDurableOptions, DurableOptions } from './durable.ts'
export { hostErrors } from './errors.ts'
export { tokens, type WorkerLaunch } from './tokens.ts'
