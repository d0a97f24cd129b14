import { defineErrors } from '@capsule/core'

export const hostErrors = defineErrors({
  SESSION_UNKNOWN: {
    message: ({ sessionId }: { sessionId: string }) => `the session ${sessionId} is not one of this capsule`,
    cause: 'Grants are kept by the session object; this one was made by another capsule, or is a copy.',
    next: 'Ask the capsule whose `createSession()` returned the session.',
  },
  MODULES_NOT_OFFERED: {
    message: ({ isolation }: { isolation: string }) =>
      `cells have no modules at isolation level '${isolation}': leave \`modules\` out, or ask for isolation 'process' or 'none'`,
    cause: '`modules: true` was asked for at a level that exists to keep cells from what modules reach.',
    next: "Leave `modules` out, or give trusted code a capsule with `isolation: 'process'`.",
  },
  POOL_NOT_CONFIGURED: {
    message: (_details: Record<string, never> = {}) => 'this capsule has no pool of its own',
    cause: '`capsule.pool` was used, and `createCapsule()` was not given `pool`.',
    next: 'Give it: `createCapsule({ pool: { minIdle: 1 } })`; or make one with `capsule.createPool()`.',
  },
  PROVIDER_DISPOSED: {
    message: ({ provider }: { provider: string }) =>
      `the provider '${provider}' was disposed with the last session that had it`,
    cause:
      'Providers belong to the sessions that they are given to; this one was given to sessions that have all closed.',
    next: 'Make a new provider for each session, or give it to the capsule: `createCapsule({ session: { capabilities } })`.',
  },
  CAPSULE_CLOSED: {
    message: (_details: Record<string, never> = {}) => 'the capsule is closed',
    cause: 'The capsule was shut down or disposed before or during the call.',
    next: 'Create a new capsule.',
  },
})
