import { defineErrors } from '@capsule/core'

export const hostErrors = defineErrors({
  CAPSULE_CLOSED: {
    message: (_details: Record<string, never> = {}) => 'the capsule is closed',
    cause: 'The capsule was shut down or disposed before or during the call.',
    next: 'Create a new capsule.',
  },
})
