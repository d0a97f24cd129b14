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
})
