import { defineErrors } from '@capsule/core'

export const hostErrors = defineErrors({
  ISOLATION_UNAVAILABLE: {
    message: ({ asked, available }: { asked: string; available: readonly string[] }) =>
      `isolation level '${asked}' is not available here (available: ${available.join(', ')})`,
    cause:
      'This version, or this machine, cannot give the level that was asked for. Capsule never gives less than asked.',
    next: "Ask for one of the levels named in the message, or for 'auto', the strongest of them.",
  },
  CAPSULE_CLOSED: {
    message: (_details: Record<string, never> = {}) => 'the capsule is closed',
    cause: 'The capsule was shut down or disposed before or during the call.',
    next: 'Create a new capsule.',
  },
})
