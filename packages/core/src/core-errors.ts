import { defineErrors } from './errors.ts'

export const coreErrors = defineErrors({
  CANCELLED: {
    message: ({ what }: { what: string }) => `${what} was cancelled`,
    cause: 'The AbortSignal given to the call fired, or the thing waited for was cancelled.',
    next: 'Nothing, if the cancel was meant; else look at who aborts the signal (`error.cause` is its reason).',
  },
  TIMED_OUT: {
    message: ({ what, timeoutMs }: { what: string; timeoutMs: number }) => `${what} took longer than ${timeoutMs} ms`,
    cause: 'A deadline passed before the work was done.',
    next: 'Raise the timeout named in the message, or make the work smaller.',
  },
  INVALID_OPTIONS: {
    message: ({ where, problems }: { where: string; problems: readonly string[] }) =>
      `${where}: ${problems.join('; ')}`,
    cause: 'An option is missing, misspelled or of the wrong type. Unknown options are errors, so that typos are seen.',
    next: 'Correct the option named in the message.',
  },
  CHANNEL_CLOSED: {
    message: ({ channel }: { channel: string }) => `${channel} is closed`,
    cause: 'A value was sent into a channel after it had been closed.',
    next: 'Stop sending once the channel is closed; check `isClosed` first.',
  },
  CHANNEL_FULL: {
    message: ({ channel, capacity }: { channel: string; capacity: number }) =>
      `${channel} is full (capacity ${capacity})`,
    cause: 'The reader is slower than the writer and the overflow policy is "error".',
    next: 'Read faster, raise the capacity, or choose another overflow policy.',
  },
  MISSING_BINDING: {
    message: ({ path }: { path: readonly string[] }) =>
      `nothing provides ${path.at(-1)} (wanted by ${path.join(' -> ')})`,
    cause: 'The container was asked for a token that no `provide` call has bound.',
    next: 'Provide the last token of the path before `get`.',
  },
  CIRCULAR_BINDING: {
    message: ({ path }: { path: readonly string[] }) => `circular dependency: ${path.join(' -> ')}`,
    cause: 'A factory in the container needs, directly or not, the thing it builds.',
    next: 'Break the cycle at one of the tokens in the path.',
  },
  BINDING_IN_USE: {
    message: ({ token }: { token: string }) => `${token} is already built and can no longer be replaced`,
    cause: '`provide` was called for a token that `get` had already built, so others may hold the old part.',
    next: 'Provide replacements before the first `get`.',
  },
  CONTAINER_DISPOSED: {
    message: ({ token }: { token: string }) => `the container is disposed and can no longer build ${token}`,
    cause: '`get` or `provide` was called after the container had been disposed.',
    next: 'Create a new container (or a new Capsule).',
  },
})
