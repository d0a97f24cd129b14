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
  PROMISE_NOT_FOUND: {
    message: ({ id }: { id: string }) => `there is no durable promise ${id}`,
    cause: 'It was never created, or retention has removed it.',
    next: 'Create it first; raise the retention if it was settled long ago.',
  },
})
