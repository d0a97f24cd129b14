import { defineErrors } from '@capsule/core'

export const providerErrors = defineErrors({
  PROVIDER_DEFINITION_INVALID: {
    message: ({ provider, problems }: { provider: string; problems: readonly string[] }) =>
      `the provider '${provider}' is not defined well: ${problems.join('; ')}`,
    cause: 'What was given to `defineProvider` does not make a provider.',
    next: 'Correct the fields that the message names.',
  },
})
