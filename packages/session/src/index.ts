/** Host-side sessions: ordered events in, exactly one truthful outcome out. */
export type { Checkpoint, CheckpointFacts } from './checkpoint/checkpoint.ts'
export {
  openCheckpoint,
  readCheckpoint,
  type ReadCheckpointOptions,
  sealCheckpoint,
  type SealCheckpointOptions,
} from './checkpoint/checkpoint-blob.ts'
export type { CheckpointLimits } from './checkpoint/checkpoint-limits.ts'
export { createSession } from './create-session.ts'
export { sessionErrors } from './errors.ts'
export type { CreateSessionOptions } from './options.ts'
export type {
  ConnectWorker,
  ExecuteOptions,
  Execution,
  ExecutionEvent,
  Interceptor,
  Outcome,
  OutcomeError,
  RunOptions,
  RunResult,
  Session,
  SessionEvents,
  SessionInfo,
  SessionOptions,
  SessionState,
} from './session.ts'
