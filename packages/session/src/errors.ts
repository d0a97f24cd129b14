import { defineErrors } from '@capsule/core'
import type { Feature } from '@capsule/protocol'
import type { ProcessExit } from '@capsule/transport'
import type { Outcome } from './outcome.ts'

type Exit = ProcessExit & { readonly stderrTail: string }

export const sessionErrors = defineErrors({
  SESSION_BUSY: {
    message: ({ executionId }: { executionId: string }) => `the session already runs ${executionId}`,
    cause: 'A session runs `maxConcurrentExecutions` cells at a time (1 by default), and so many have not settled.',
    next: 'Await `execution.outcome` (or cancel it) before the next `execute()`, or give `queue: true`. Cells that await can run side by side with `maxConcurrentExecutions`; cells that compute in parallel need several sessions.',
  },
  SESSION_QUEUE_FULL: {
    message: ({ maxQueued }: { maxQueued: number }) => `${maxQueued} executions wait already`,
    cause: 'More cells were given with `queue: true` than the session runs.',
    next: 'Await outcomes before giving more cells, raise `maxQueued` of the session, or use several sessions.',
  },
  IDEMPOTENCY_CONFLICT: {
    message: ({ idempotencyKey, executionId }: { idempotencyKey: string; executionId: string }) =>
      `the idempotency key '${idempotencyKey}' stands for ${executionId}, which is another cell`,
    cause: 'The key was used before with other code, `filename`, `language`, `route` or `storeHistory`.',
    next: 'Use a new key for new work; a retry repeats the very same call.',
  },
  REPLAY_TRUNCATED: {
    message: ({ executionId }: { executionId: string }) => `not all events of ${executionId} were kept for this reader`,
    cause:
      'The execution had more events than `idempotency.eventBytes`, or this reader of a running one lagged too far behind.',
    next: 'Await `execution.outcome`, which is whole. For a longer replay raise `idempotency.eventBytes` of the session.',
  },
  SESSION_CLOSED: {
    message: ({ sessionId }: { sessionId: string }) => `session ${sessionId} is closed`,
    cause: 'The session was shut down or disposed before or during the call.',
    next: 'Create a new session.',
  },
  INPUT_NOT_PENDING: {
    message: ({ inputId, executionId }: { inputId: string; executionId: string }) =>
      `${executionId} does not wait for input ${inputId}`,
    cause: 'The input id is unknown, was answered already, or its execution has settled.',
    next: 'Answer each `input-request` event once, with its own `inputId`, while its execution runs.',
  },
  READY_TIMEOUT: {
    message: ({ timeoutMs }: { timeoutMs: number }) => `the worker was not ready within ${timeoutMs} ms`,
    cause: 'The worker did not answer hello, or its warm-up cells did not end, in time.',
    next: 'Raise `readyTimeoutMs`, make the warm-up smaller, or look at the load of the machine.',
  },
  WARMUP_FAILED: {
    message: ({ index, outcome }: { index: number; outcome: Outcome }) =>
      `warm-up cell ${index} ended as ${outcome.status}: ${outcome.error?.message ?? 'no reason given'}`,
    cause: 'A cell of the `warmup` option that is not optional did not end as `ok`, or the worker died in one.',
    next: 'Run the cell in a plain session to see what is wrong; `details.outcome` has its error. Give it `isOptional: true` if sessions are of use without it.',
  },
  WORKER_EXITED: {
    message: ({ meaning }: { meaning: string; exit?: Exit }) => `the worker ended: ${meaning}`,
    cause: 'The worker process died by itself or was killed from outside; its namespace is lost.',
    next: 'Look at `outcome.exit` (code, signal, tail of stderr). The session has a fresh worker; run the setup cells again.',
  },
  WORKER_OUT_OF_MEMORY: {
    message: ({ meaning }: { meaning: string; exit?: Exit }) => `the worker ran out of heap memory (${meaning})`,
    cause: 'The JavaScript heap of the worker reached its limit and V8 aborted the process.',
    next: 'Raise `maxHeapMb` of the session, or keep less in its namespace.',
  },
  WORKER_VIOLATED_PROTOCOL: {
    message: ({ reason }: { reason: string; exit?: Exit }) =>
      `the worker was killed because it broke the protocol: ${reason}`,
    cause: 'Guest code wrote to the control channel, or host and worker are from different builds.',
    next: 'Do not trust what this session computed. If no guest code did this, report it with `error.cause`.',
  },
  DROPPED: {
    message: ({ executionId }: { executionId: string }) => `${executionId} was cancelled before it was sent`,
    cause:
      'The signal fired, the execution was cancelled, or the session restarted, while it waited for its turn or for a worker.',
    next: 'Nothing, if this was meant; the cell did not run.',
  },
  KILLED: {
    message: ({ why }: { why: string }) => `the execution was stopped by ending its worker (${why})`,
    cause:
      'The cell, or one that ran beside it, did not end within the grace after a cancel or timeout, or the session was restarted or shut down.',
    next: 'Raise `graceMs` if the cell should get more time; its namespace is lost.',
  },
  REQUEST_TIMED_OUT: {
    message: ({ what, timeoutMs }: { what: string; timeoutMs: number }) =>
      `the worker did not answer ${what} within ${timeoutMs} ms`,
    cause: 'The thread that runs cells is busy and this executor can only answer between its turns.',
    next: 'Ask again when the cell has settled, raise `timeoutMs`, or use the threaded executor.',
  },
  APPROVAL_NOT_PENDING: {
    message: ({ approvalId, executionId }: { approvalId: string; executionId: string }) =>
      `${executionId} does not wait for the approval ${approvalId}`,
    cause: 'The approval was decided before, timed out, or its execution has ended.',
    next: 'Decide each `approval-request` once, while its execution runs.',
  },
  CAPABILITY_ANSWER_LOST: {
    message: (_details: Record<string, never> = {}) => 'the answer to the capability call could not be sent',
    cause: 'The reply, or what came behind it, failed in the host in a way that is not told to cells.',
    next: "Look into the host's log and audit records; call again.",
  },
  CAPABILITY_ANSWERS_UNREAD: {
    message: ({ unreadBytes }: { unreadBytes: number }) =>
      `the call was not made: ${unreadBytes} bytes of answers to earlier calls have not been read by the worker`,
    cause: 'A cell calls without end and gives its thread no time to take the answers.',
    next: 'Await calls before making more of them.',
  },
  CAPABILITY_BODY_INVALID: {
    message: (_details: Record<string, never> = {}) => 'the body of a capability call held something other than bytes',
    cause: 'A worker sent values where only bytes are streamed.',
    next: 'Stream bytes or text.',
  },
  FEATURE_UNAVAILABLE: {
    message: ({ feature }: { feature: Feature }) => `the worker does not offer ${feature}`,
    cause:
      'The worker is from an older release, or of a kind that cannot do this; both sides agree on features at the start.',
    next: 'Look at `session.info().worker.features`, and install the same version of Capsule on both sides.',
  },
  NO_WORKER: {
    message: ({ sessionId }: { sessionId: string }) => `session ${sessionId} has no worker now`,
    cause: 'The worker has ended and its successor is not ready, or none comes.',
    next: 'Wait for the `restarted` event of `session.events`; `session.info().state` tells where the session is.',
  },
  INSPECT_FAILED: {
    message: ({ message }: { message: string }) => `the namespace could not be inspected: ${message}`,
    cause: 'The worker reported an error while it looked at the namespace.',
    next: 'Look at the message; a binding with a throwing getter is reported, not fatal.',
  },
  RESET_INCOMPLETE: {
    message: ({ left }: { left: readonly string[] }) =>
      `the namespace is empty, but the worker is not as new: ${left.join(', ')}`,
    cause:
      'Cells have changed something of the process that an empty namespace does not put back; `details.left` names it.',
    next: 'Call `restart()`, or use another session. What is the same for all users belongs into `warmup`.',
  },
  RESET_FAILED: {
    message: ({ message }: { message: string }) => `the worker could not empty its namespace: ${message}`,
    cause: 'The worker failed while it took the bindings away.',
    next: 'The worker was replaced: the session is empty. If it happens again, report it with the message.',
  },
  CHECKPOINT_FAILED: {
    message: ({ message }: { message: string }) => `no checkpoint could be taken: ${message}`,
    cause: 'The worker failed while it wrote the namespace down, or ended while it did.',
    next: 'The namespace is untouched. Look at the cause; try again when the session is ready.',
  },
  RESTORE_FAILED: {
    message: ({ message }: { message: string }) => `the checkpoint was not restored: ${message}`,
    cause: 'The restore was interrupted, or code of the checkpoint (an import, a class) ended it.',
    next: 'The namespace is as it was before. Look at the cause; restore into a fresh session to see what its code does.',
  },
  CHECKPOINT_NOT_FOUND: {
    message: ({ id }: { id: string }) => `the store of this session has no checkpoint ${id}`,
    cause: 'The id is of another store, or the store has removed that checkpoint (retention).',
    next: 'Look at `store.list()`; pass the checkpoint itself or its bytes; raise the retention.',
  },
  CHECKPOINT_CORRUPTED: {
    message: ({ problem }: { problem: string }) => `the checkpoint is damaged: ${problem}`,
    cause: 'Bytes were changed or lost where the checkpoint was kept, or on the way from there.',
    next: 'Read it again from where it is kept; if it is still damaged, use an older checkpoint.',
  },
  CHECKPOINT_MALFORMED: {
    message: ({ problem }: { problem: string }) => `this is no valid checkpoint: ${problem}`,
    cause: 'The bytes are something else, or were not made by `session.checkpoint()`.',
    next: 'Look at where the bytes come from: a restore takes the `bytes` of a checkpoint, whole and unchanged.',
  },
  CHECKPOINT_VERSION_UNSUPPORTED: {
    message: ({ major, minor, supportedMajor }: { major: number; minor: number; supportedMajor: number }) =>
      `the checkpoint has format ${major}.${minor}; this release reads ${supportedMajor}.x`,
    cause: 'The checkpoint was made by a release of Capsule with another format.',
    next: 'Restore it with the release that made it, or a newer one.',
  },
  CHECKPOINT_TOO_LARGE: {
    message: ({
      what,
      bytes,
      limitBytes,
    }: {
      what: 'blob' | 'header' | 'payload'
      bytes: number
      limitBytes: number
    }) => `the ${what} of the checkpoint has ${bytes} bytes, more than ${limitBytes}`,
    cause: 'The namespace holds more than a checkpoint may, or bytes from outside announce more than is taken.',
    next: 'Keep less in the namespace (large data belongs in files), or raise the limit named in the message, on both ways.',
  },
  CHECKPOINT_STORE_FAILED: {
    message: ({ action, path, code }: { action: string; path: string; code: string }) =>
      `the checkpoint store could not ${action} in ${path}: ${code}`,
    cause: 'The file system refused; `code` is its own word for it, and `error.cause` is its error.',
    next: 'ENOTDIR, EEXIST: give the path of a directory. EACCES, EPERM, EROFS: make it writable for this user. ENOSPC, EDQUOT: make room, or set `retention`. EMFILE: raise the limit of open files.',
  },
})
