/** What Capsule's own tests share: a clock that stands still, a logger that remembers, and waits with a deadline. */
export { createFakeClock, type FakeClock } from './fake-clock.ts'
export { hasPostgres, postgresMissing, type PostgresServer, startPostgres } from './postgres-server.ts'
export { createRecordingLogger, type LogLine, type RecordingLogger } from './recording-logger.ts'
export { findPort, hasRestateServer, RestateServer } from './restate-server.ts'
export {
  createRecorder,
  defaultDeadlineMs,
  type Recorder,
  waitFor,
  waitForEvent,
  type WaitOptions,
} from './wait-for.ts'
