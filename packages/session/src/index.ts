/** Host-side sessions: ordered events in, exactly one truthful outcome out. */
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
  StreamOptions,
} from './session.ts'
