import { defineErrors } from '@capsule/core'

export const systemErrors = defineErrors({
  SYSTEM_ENVIRONMENT_NOT_GRANTED: {
    message: ({ name, granted }: { name: string; granted: readonly string[] }) =>
      `the environment value '${name}' is not granted; granted are ${granted.join(', ')}`,
    cause: 'A cell asked for an environment value that the `environment` option of the provider does not name.',
    next: 'Ask for one of the names in the message, or add the name to `environment` in the host.',
  },
})
