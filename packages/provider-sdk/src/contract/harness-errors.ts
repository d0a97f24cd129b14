import { defineErrors } from '@capsule/core'

/** What the broker of a host (`@capsule/capabilities`) says itself, with its codes: the harness stands for it and cannot import it. */
export const harnessErrors = defineErrors({
  CAPABILITY_UNKNOWN: {
    message: ({ capability, known }: { capability: string; known: readonly string[] }) =>
      `there is no capability '${capability}'; the provider has ${known.join(', ')}`,
    cause: 'The name is misspelled, or the options of the provider leave this capability out.',
    next: 'Call one of the capabilities that the message names.',
  },
  CAPABILITY_ARGUMENTS_INVALID: {
    message: ({ capability, problems }: { capability: string; problems: readonly string[] }) =>
      `${capability}: ${problems.join('; ')}`,
    cause: 'The arguments do not have the shape that the capability takes.',
    next: 'Correct the fields that the message names.',
  },
  CAPABILITY_INPUT_TOO_LARGE: {
    message: ({ capability, what, limitBytes }: { capability: string; what: string; limitBytes: number }) =>
      `${capability}: its ${what} are more than ${limitBytes} bytes (limits.inputBytes)`,
    cause: 'A call brought more than its limits allow.',
    next: 'Send less, or in several calls.',
  },
  CAPABILITY_RESULT_TOO_LARGE: {
    message: ({ capability, what, limitBytes }: { capability: string; what: string; limitBytes: number }) =>
      `${capability}: its ${what} is more than ${limitBytes} bytes (limits.outputBytes)`,
    cause: 'The answer of a call is larger than its limits allow.',
    next: 'Ask for less.',
  },
  CAPABILITY_RESULT_INVALID: {
    message: ({ capability, problems }: { capability: string; problems: readonly string[] }) =>
      `${capability} answered what it must not: ${problems.join('; ')}`,
    cause: 'The handler returned something that its own output schema, or the wire, does not take.',
    next: 'Correct the handler or its output schema.',
  },
  CAPABILITY_TIMED_OUT: {
    message: ({ capability, timeoutMs }: { capability: string; timeoutMs: number }) =>
      `${capability} took longer than ${timeoutMs} ms`,
    cause: 'The call had not ended within its deadline.',
    next: 'Ask for less at once, or give it more time.',
  },
  CAPABILITY_FAILED: {
    message: ({ capability }: { capability: string }) =>
      `${capability} failed with an error that is no CapsuleError; a cell would see no more than this`,
    cause: 'The handler threw an error of another kind. `error.cause` has it here; in a host it goes to the log.',
    next: 'Throw an error of the table of the provider for all that a caller can act on.',
  },
})
