import { defineErrors } from '@capsule/core'

interface Exceeded {
  readonly capability: string
  readonly rule: string
  /** `calls`, `inputBytes`, ... */
  readonly limit: string
  readonly allowed: number
  readonly per: 'execution' | 'session'
}

export const capabilityErrors = defineErrors({
  CAPABILITY_DENIED: {
    message: ({ capability, rule, reason }: { capability: string; rule: string; reason: string }) =>
      `${capability} is denied by the rule '${rule}': ${reason}`,
    cause: 'The policy of the session denies this call: a rule says so, or no rule allows it (the rule `default`).',
    next: 'Call it as the message says, or have the host add a rule that allows it; `policy.explain()` shows every rule considered.',
  },
  CAPABILITY_UNKNOWN: {
    message: ({ capability }: { capability: string }) => `no provider has the capability '${capability}'`,
    cause: 'A capability was asked for that no registered provider has.',
    next: 'Correct the name, or have the host register the provider.',
  },
  CAPABILITY_ARGUMENTS_INVALID: {
    message: ({ capability, problems }: { capability: string; problems: readonly string[] }) =>
      `the arguments of ${capability} are not valid: ${problems.join('; ')}`,
    cause: 'The arguments do not have the form that the capability asks for. Nothing was done.',
    next: 'Correct the fields that the message names.',
  },
  CAPABILITY_BUDGET_EXCEEDED: {
    message: ({ capability, rule, limit, allowed, per }: Exceeded) =>
      `${capability} is over the budget of the rule '${rule}': ${limit} is limited to ${allowed} per ${per}`,
    cause: 'The calls that this rule allows have used up what it gives to one execution or to the session.',
    next: 'Call less often or with less data; or have the host raise the limit that the message names.',
  },
  CAPABILITY_TIMED_OUT: {
    message: ({ capability, timeoutMs }: { capability: string; timeoutMs: number }) =>
      `${capability} took longer than ${timeoutMs} ms (timeoutMs)`,
    cause:
      'The call had not ended within the smallest of its own `timeoutMs`, the limit of the rule and that of the capability.',
    next: 'Ask for less at once, or raise the smallest of the three. What the call has done until then may stay done.',
  },
  CAPABILITY_REVOKED: {
    message: ({ capability }: { capability: string }) => `${capability} was revoked while the call was under way`,
    cause: 'The host revoked the capability, or set a policy that does not allow the call.',
    next: 'Do without it, or ask whoever runs the host. What the call has done until then may stay done.',
  },
  CAPABILITY_RESULT_INVALID: {
    message: ({ capability, problems }: { capability: string; problems: readonly string[] }) =>
      `the result of ${capability} is not what it promises: ${problems.join('; ')}`,
    cause:
      'The provider returned something that its own schema refuses or that no message can carry whole. The call was made.',
    next: 'Report it to the author of the provider.',
  },
  CAPABILITY_RESULT_TOO_LARGE: {
    message: ({ capability, bytes, limitBytes }: { capability: string; bytes: number; limitBytes: number }) =>
      `the result of ${capability} has at least ${bytes} bytes, more than outputBytes, which is ${limitBytes}`,
    cause: 'A result crosses whole or not at all, and this one is over the limit. The call was made.',
    next: 'Ask for less (a range, a page, a filter), read it as a stream, or have the host raise the limit.',
  },
  CAPABILITY_INPUT_TOO_LARGE: {
    message: ({ capability, bytes, limitBytes }: { capability: string; bytes: number; limitBytes: number }) =>
      `the input of ${capability} has at least ${bytes} bytes, more than inputBytes, which is ${limitBytes}`,
    cause: 'The encoded arguments, or the streamed body, are over the limit of the capability or of the rule.',
    next: 'Send less at once, or have the host raise the limit.',
  },
  CAPABILITY_FAILED: {
    message: ({ capability }: { capability: string }) =>
      `${capability} failed in its provider (the host's audit has the reason)`,
    cause: 'The handler of the provider threw something that is not an error of its table.',
    next: 'Look at the audit record or the log of the host; cells are told no more, since it may hold what they must not see.',
  },
  CAPABILITY_OVERLOADED: {
    message: ({ capability, limit, allowed }: { capability: string; limit: string; allowed: number }) =>
      `${capability} was refused: ${limit} of the session is limited to ${allowed}`,
    cause: 'Too many calls of the session are under way or wait, or their arguments take too much memory.',
    next: 'Await some of the calls before the next ones.',
  },
  CAPABILITY_KEY_CONFLICT: {
    message: ({ capability, key, first }: { capability: string; key: string; first: string }) =>
      `the idempotencyKey '${key}' of this call of ${capability} stands for another call, of ${first}`,
    cause: 'The key was used before, for another capability or with other arguments.',
    next: 'Use a new key for each call that is not a retry.',
  },
  CAPABILITY_NOT_REPEATABLE: {
    message: ({ capability, key, part }: { capability: string; key: string; part: string }) =>
      `the call of ${capability} with the idempotencyKey '${key}' was made, and its ${part} cannot be had again`,
    cause:
      'The first call with this key streamed its body, answered with a stream, or had an answer too large to be kept.',
    next: 'Keep the first answer, or make a new call with a new key.',
  },
  CAPABILITY_EXECUTION_ENDED: {
    message: ({ capability }: { capability: string }) => `${capability} was called after its cell had ended`,
    cause: 'Only a running cell has grants; a timer or promise that it left behind has none.',
    next: 'Call it while the cell runs, and await it there.',
  },
  APPROVAL_DENIED: {
    message: ({ capability, rule, reason }: { capability: string; rule: string; reason: string }) =>
      `${capability} was not approved, which the rule '${rule}' asks for: ${reason}`,
    cause: 'The person who was asked denied the call, or could not be asked. Nothing was done.',
    next: 'Do without it, or ask for something else.',
  },
  APPROVAL_TIMED_OUT: {
    message: ({ capability, rule, timeoutMs }: { capability: string; rule: string; timeoutMs: number }) =>
      `${capability} was not approved within ${timeoutMs} ms (approve.timeoutMs of the rule '${rule}')`,
    cause: 'Nobody answered the approval request in time. Nothing was done.',
    next: 'Call again when somebody is there, or have the host raise the limit.',
  },
  POLICY_INVALID: {
    message: ({ policy, problems }: { policy: string; problems: readonly string[] }) =>
      `the policy '${policy}' is not valid: ${problems.join('; ')}`,
    cause: 'A policy has a field that is missing, misspelled, of the wrong type or out of its limits.',
    next: 'Correct the fields that the message names.',
  },
  PROVIDER_CONFLICT: {
    message: ({ provider }: { provider: string }) =>
      `a provider named '${provider}' is registered already: register one of them, with the options of both`,
    cause: 'Two providers of one registry have the same name, so the names of their capabilities would be the same.',
    next: 'Register one of them, or give one another name.',
  },
  PROVIDER_UNSUPPORTED: {
    message: ({ provider, problems }: { provider: string; problems: readonly string[] }) =>
      `the provider '${provider}' cannot be registered: ${problems.join('; ')}`,
    cause: 'What was registered is not a provider of a version that this package knows, or breaks its specification.',
    next: 'Make it with `defineProvider` of `@capsule/provider-sdk`, or correct what the message names.',
  },
})
