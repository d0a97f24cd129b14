import { expect, it } from 'vitest'
import { sessionErrors } from './errors.ts'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'createDirectoryCheckpointStore',
    'createEmitter',
    'createMemoryCheckpointStore',
    'createSession',
    'openCheckpoint',
    'readCheckpoint',
    'sealCheckpoint',
    'sessionErrors',
  ])
})

it('keeps its error codes', () => {
  expect(Object.keys(sessionErrors)).toEqual([
    'SESSION_BUSY',
    'SESSION_QUEUE_FULL',
    'IDEMPOTENCY_CONFLICT',
    'REPLAY_TRUNCATED',
    'SESSION_CLOSED',
    'INPUT_NOT_PENDING',
    'READY_TIMEOUT',
    'WARMUP_FAILED',
    'WORKER_EXITED',
    'WORKER_OUT_OF_MEMORY',
    'WORKER_VIOLATED_PROTOCOL',
    'DROPPED',
    'KILLED',
    'REQUEST_TIMED_OUT',
    'APPROVAL_NOT_PENDING',
    'CAPABILITY_ANSWER_LOST',
    'CAPABILITY_ANSWERS_UNREAD',
    'CAPABILITY_BODY_INVALID',
    'FEATURE_UNAVAILABLE',
    'NO_WORKER',
    'INSPECT_FAILED',
    'RESET_INCOMPLETE',
    'RESET_FAILED',
    'CHECKPOINT_FAILED',
    'RESTORE_FAILED',
    'CHECKPOINT_NOT_FOUND',
    'CHECKPOINT_CORRUPTED',
    'CHECKPOINT_MALFORMED',
    'CHECKPOINT_VERSION_UNSUPPORTED',
    'CHECKPOINT_TOO_LARGE',
    'CHECKPOINT_STORE_FAILED',
  ])
})
