import { defineErrors } from '@capsule/core'

export const bridgeErrors = defineErrors({
  BRIDGE_CLOSED: {
    message: ({ reason }: { reason: string }) => `the bridge is closed: ${reason}`,
    cause:
      'The bridge was closed before or during the call. What the store has of it is as it was, and can be gone on with.',
    next: 'Nothing, if the host shuts down; a later host with the same store and id goes on.',
  },
  BRIDGE_OVERLOADED: {
    message: ({ pending, maxPending }: { pending: number; maxPending: number }) =>
      `the bridge has ${pending} promises pending, of at most ${maxPending}`,
    cause: 'More was begun than is settled. Nothing was created or sent for this call.',
    next: 'Wait for others to settle and try again, or raise `maxPending`.',
  },
  KEY_INVALID: {
    message: ({ what, key }: { what: string; key: string }) =>
      `${what} must match [A-Za-z0-9_-]{1,128}: ${JSON.stringify(key.slice(0, 140))}`,
    cause: 'The key becomes part of the id of a durable promise, and of every store and engine that keeps it.',
    next: 'Choose a key of letters, digits, `_` and `-`; a namespace may not contain `-exec-` or end with `-exec`.',
  },
  VALUE_NOT_RECORDED: {
    message: ({ id, problem }: { id: string; problem: string }) => `what settles ${id} cannot be recorded: ${problem}`,
    cause: 'The value is larger than `maxValueBytes`, or nested too deeply to be kept whole. It is not kept in part.',
    next: 'Let the cell give less (its output does not count), or raise `maxValueBytes`.',
  },
  RECORD_MALFORMED: {
    message: ({ id, problem }: { id: string; problem: string }) => `the record of ${id} cannot be read: ${problem}`,
    cause: 'Something else than this bridge wrote it, or a release that writes another format.',
    next: 'Give each application a namespace of its own in a store that several use.',
  },
  PROMISE_TIMED_OUT: {
    message: ({ id, timeoutMs }: { id: string; timeoutMs: number }) => `${id} was not settled within ${timeoutMs} ms`,
    cause: 'The time that it was given when it was first created is over, counted across hosts and restarts.',
    next: 'Raise the timeout and use another id: this one stays timed out.',
  },
  PROMISE_CANCELLED: {
    message: ({ id, reason }: { id: string; reason: string }) => `${id} was cancelled: ${reason}`,
    cause: '`cancel()` or `cancelAll()` was called, here or on another host, and that is recorded.',
    next: 'Nothing, if it was meant; use another id to run it again.',
  },
  SEND_FAILED: {
    message: ({ id, reason }: { id: string; reason: string }) => `${id} could not be sent: ${reason}`,
    cause: 'What was to be done for the promise failed before it gave an outcome, and that is recorded.',
    next: 'See the reason; use another id to try again.',
  },
  OUTCOME_NOT_SAVED: {
    message: ({ id }: { id: string; value: unknown }) => `${id} came to its end, and the store did not take it`,
    cause:
      'The store was unavailable for longer than is waited for; `error.cause` is its error, `error.details.value` what was to be saved.',
    next: 'Look at the store. The same id runs again; what it did before may be done again.',
  },
  EXECUTION_CONFLICT: {
    message: ({ id }: { id: string }) => `the durable execution ${id} stands for other code`,
    cause: 'An id stands for one piece of code, and was used with another.',
    next: 'Use a new id for new code.',
  },
  EXECUTION_STOPPED: {
    message: ({ id, attempt }: { id: string; attempt: number }) =>
      `attempt ${attempt} of the durable execution ${id} was stopped, and nothing is recorded`,
    cause:
      'The cell was cancelled other than by `durable.cancel()`: its session was interrupted, restarted or shut down.',
    next: 'Execute the same id again: it is another attempt.',
  },
  LEASE_LOST: {
    message: ({ id, attempt }: { id: string; attempt: number }) =>
      `this host has lost attempt ${attempt} of the durable execution ${id} to another`,
    cause: 'The lease was not renewed in time: the host was paused, or cut off from the store. The cell was stopped.',
    next: 'Nothing: the call goes on to wait for the host that took over.',
  },
  REPLAY_DIVERGED: {
    message: ({ id, n, recorded, asked }: { id: string; n: number; recorded: string; asked: string }) =>
      `question ${n} of the durable execution ${id} was ${JSON.stringify(recorded)} and is now ${JSON.stringify(asked)}`,
    cause:
      'The cell ran again and asked something else than before: it depends on time, chance, or what it has changed outside.',
    next: 'Make what the cell asks depend on its code and its answers only.',
  },
  INPUT_NOT_ASKED: {
    message: ({ id, n }: { id: string; n: number }) => `the durable execution ${id} has not asked question ${n}`,
    cause: 'Questions are counted from 1, and one can be answered once a host has asked it.',
    next: 'Check the id and the number; answer after the question came.',
  },
  CALL_CONFLICT: {
    message: ({ id, capability }: { id: string; capability: string }) =>
      `the idempotency key of this call of ${capability} stands for another call: ${id}`,
    cause: 'A key stands for one call with the same arguments, also when the cell runs again.',
    next: 'Use a key for each call; do not make it or the arguments depend on time or chance.',
  },
  STORE_UNAVAILABLE: {
    message: ({ store, action, reason }: { store: string; action: string; reason: string }) =>
      `the durable store '${store}' could not ${action}: ${reason}`,
    cause: 'The store did not answer, refused the connection, or failed on its own; `error.cause` is its error.',
    next: 'Try again: creating and settling are idempotent. If it lasts, look at the server, the address and the credentials.',
  },
  STORE_CLOSED: {
    message: ({ store }: { store: string }) => `the durable store '${store}' is closed`,
    cause: 'The store was closed before or during the call.',
    next: 'Open a new store; what is persistent is still there.',
  },
  STORE_UNAUTHORIZED: {
    message: ({ store, action, reason }: { store: string; action: string; reason: string }) =>
      `the durable store '${store}' may not ${action}: ${reason}`,
    cause: 'The server refused the credentials, or the rights that go with them. Nothing is tried again.',
    next: 'Correct the token, the user or the password, or give that user the right.',
  },
  STORE_IN_USE: {
    message: ({ path }: { path: string }) => `the durable store ${path} is used by another store`,
    cause: 'One process at a time may use the file, and one store in it: it holds the lock until it is closed or ends.',
    next: 'Close the other store, or give each process its own file; several hosts share PostgreSQL or a Resonate server.',
  },
  PROMISE_NOT_FOUND: {
    message: ({ id }: { id: string }) => `there is no durable promise ${id}`,
    cause: 'It was never created, or retention has removed it.',
    next: 'Create it first; raise the retention if it was settled long ago.',
  },
  DISTRIBUTOR_UNAVAILABLE: {
    message: ({ distributor, action, reason }: { distributor: string; action: string; reason: string }) =>
      `the distributor '${distributor}' could not ${action}: ${reason}`,
    cause:
      'The engine did not answer for too long, refused the request, or knows no host of the group; `error.cause` is its error.',
    next: 'Dispatch again with the same id: what was taken is not run twice. Look at the engine, its addresses, and whether a worker host serves the group.',
  },
  DISTRIBUTOR_CLOSED: {
    message: ({ distributor }: { distributor: string }) => `the distributor '${distributor}' is closed`,
    cause: 'The distributor was closed before or during the call. An execution that was dispatched goes on.',
    next: 'Create a new distributor; dispatch with the same id to get the outcome.',
  },
  SESSION_HOST_LOST: {
    message: ({ host }: { host: string }) => `the session is lost with its host ${host}`,
    cause:
      'The worker host that held the session has ended, cannot be reached, or holds no session of that name any more.',
    next: 'Open the session anew: dispatch its set-up without `host` and `continuesSession`, and go on with the host of that outcome. An execution that ran there may have taken effect.',
  },
  EXECUTION_ABANDONED: {
    message: ({ id, attempts, reason }: { id: string; attempts: number; reason: string }) =>
      `execution ${id} was given up after ${attempts} attempts: ${reason}`,
    cause: 'Each attempt ended before there was an outcome: its host was lost, or could not run it.',
    next: 'Look at the reason and at the logs of the worker hosts; code that takes its host down does so each time. Raise `maxAttempts`, or dispatch with a new id.',
  },
  HOST_DRAINED: {
    message: ({ host }: { host: string }) => `host ${host} has shut down`,
    cause: 'The worker host was shut down, and the execution was not over within the grace.',
    next: 'Nothing: the engine gives the execution to another host. Raise `graceMs` of the shutdown where executions take longer.',
  },
})
