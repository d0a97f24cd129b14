import { defineErrors } from '@capsule/core'

export const bridgeErrors = defineErrors({
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
