import { defineErrors } from '@capsule/core'

export const providerErrors = defineErrors({
  PROVIDER_DEFINITION_INVALID: {
    message: ({ provider, problems }: { provider: string; problems: readonly string[] }) =>
      `the provider '${provider}' is not defined well: ${problems.join('; ')}`,
    cause: 'What was given to `defineProvider` does not make a provider.',
    next: 'Correct the fields that the message names.',
  },
  PROVIDER_SECRET_UNAVAILABLE: {
    message: ({ provider, secret, problem }: { provider: string; secret: string; problem: string }) =>
      `the secret '${secret}' of the provider '${provider}' cannot be had: ${problem}`,
    cause: 'A handler asked for a secret whose function threw, or gave no text.',
    next: 'Look at what the host gives as this secret: an environment variable that is not set, a vault that is closed.',
  },
})
