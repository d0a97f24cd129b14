/** Host-side sessions: ordered events in, exactly one truthful outcome out. */
export type {
  Approval,
  ApprovalDecision,
  ApprovalScope,
  CapabilityAnswer,
  CapabilityCall,
  CapabilityCallPorts,
  CapabilityGrants,
} from './capabilities/capability-grants.ts'
export type { Checkpoint, CheckpointFacts } from './checkpoint/checkpoint.ts'
export {
  openCheckpoint,
  readCheckpoint,
  type ReadCheckpointOptions,
  sealCheckpoint,
  type SealCheckpointOptions,
} from './checkpoint/checkpoint-blob.ts'
export type { CheckpointLimits } from './checkpoint/checkpoint-limits.ts'
export type { CheckpointPolicy } from './checkpoint/checkpoint-policy.ts'
export type { CheckpointRetention } from './checkpoint/checkpoint-retention.ts'
export type { CheckpointStore, CheckpointSummary } from './checkpoint/checkpoint-store.ts'
export { createDirectoryCheckpointStore } from './checkpoint/directory-checkpoint-store.ts'
export { createMemoryCheckpointStore } from './checkpoint/memory-checkpoint-store.ts'
export type { DirectoryCheckpointStoreOptions, MemoryCheckpointStoreOptions } from './checkpoint/store-options.ts'
export { createSession } from './create-session.ts'
export { createEmitter, type Emitter } from './emitter.ts'
export { sessionErrors } from './errors.ts'
export type { Interceptor } from './interceptor.ts'
export type { CreateSessionOptions } from './options.ts'
export type { Outcome, OutcomeError, TransactionEffect, TransactionOutcome } from './outcome.ts'
export type { InterceptorBudget, InterceptorInfo } from './interceptor-budget.ts'
export type {
  ApproveOptions,
  BridgeFigures,
  CheckpointOptions,
  ConnectWorker,
  DenyOptions,
  ExecuteOptions,
  Execution,
  ExecutionEvent,
  RestoredFacts,
  RestoreOptions,
  RunOptions,
  RunResult,
  Session,
  SessionEvents,
  SessionInfo,
  SessionOptions,
  SessionState,
  StreamOptions,
} from './session.ts'
export type { HistoryEntry } from './session-history.ts'
export type { WarmupCell, WarmupReport } from './warmup-cell.ts'
