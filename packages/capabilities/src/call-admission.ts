import type { CapsuleError } from '@capsule/core'
import { capabilityLimits } from '@capsule/protocol'
import { cancelled } from './answer-error.ts'
import type { BrokerLimits } from './broker-limits.ts'
import { readArguments } from './call-arguments.ts'
import type { CallTracker } from './call-tracker.ts'
import type { CapabilityCall } from './capability-call.ts'
import { capabilityErrors } from './errors.ts'
import type { Grants } from './grants.ts'
import type { CapabilityRequest } from './session-capabilities.ts'
import { readThrown } from './thrown.ts'

interface AdmissionParts {
  readonly grants: Grants
  readonly tracker: CallTracker
  readonly limits: BrokerLimits
}

// unit: problems of one call; threat: an error of megabytes about an array of a million wrong items
const shownProblems = 20

/** Reads the arguments and asks the policy, and gives the call its input and its rule; or says why it is not to be made. */
export function admitCall(call: CapabilityCall, { grants, tracker, limits }: AdmissionParts): CapsuleError | undefined {
  const { plan, request, ports } = call
  const { name: capability } = plan
  if (ports.signal.aborted) return cancelled(capability)
  if (tracker.hasEnded(request.executionId)) return capabilityErrors.CAPABILITY_EXECUTION_ENDED({ capability })
  if (!plan.isGranted) return deny(call, grants)
  const refusal = findOverload(call, tracker, limits) ?? findWrongOptions(capability, request) ?? readInput(call)
  if (refusal !== undefined) return refusal
  const rule = grants.decide(plan, call.input)?.rule
  if (rule === undefined || rule.effect === 'deny') return deny(call, grants)
  call.rule = rule
  call.ruleId = rule.id
  return findTooLarge(call, rule.limits?.perCall?.inputBytes)
}

/** Before anything is decoded. */
function findOverload(call: CapabilityCall, tracker: CallTracker, limits: BrokerLimits): CapsuleError | undefined {
  const { name: capability } = call.plan
  const { pendingCalls, pendingBytes } = limits
  if (tracker.count >= pendingCalls) {
    return capabilityErrors.CAPABILITY_OVERLOADED({ capability, limit: 'pendingCalls', allowed: pendingCalls })
  }
  const tooLarge = findTooLarge(call, call.plan.limits.inputBytes)
  if (tooLarge !== undefined || tracker.bytes + call.request.args.length <= pendingBytes) return tooLarge
  return capabilityErrors.CAPABILITY_OVERLOADED({ capability, limit: 'pendingBytes', allowed: pendingBytes })
}

function findTooLarge(call: CapabilityCall, limitBytes = Infinity): CapsuleError | undefined {
  const bytes = call.request.args.length
  if (bytes <= limitBytes) return undefined
  return capabilityErrors.CAPABILITY_INPUT_TOO_LARGE({ capability: call.plan.name, bytes, limitBytes })
}

function findWrongOptions(
  capability: string,
  { idempotencyKey: key, timeoutMs }: CapabilityRequest,
): CapsuleError | undefined {
  const { keyLength } = capabilityLimits
  const isKey = key === undefined || (typeof key === 'string' && key !== '' && key.length <= keyLength)
  const isTimeout = timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs > 0)
  if (isKey && isTimeout) return undefined
  const problems: string[] = []
  if (!isKey) problems.push(`idempotencyKey: must be a string of 1 to ${keyLength} characters`)
  if (!isTimeout) problems.push('timeoutMs: must be a number above 0')
  return capabilityErrors.CAPABILITY_ARGUMENTS_INVALID({ capability, problems })
}

function readInput(call: CapabilityCall): CapsuleError | undefined {
  const { plan, request } = call
  const { name, capability } = plan
  try {
    const mapped = readArguments(capability, request.args, request.body !== undefined)
    const checked = mapped.isValid ? capability.checkInput(mapped.value) : mapped
    if (!checked.isValid) {
      const problems = checked.problems.slice(0, shownProblems)
      return capabilityErrors.CAPABILITY_ARGUMENTS_INVALID({ capability: name, problems })
    }
    call.input = checked.value
    return undefined
  } catch (error) {
    // a provider whose check throws
    call.detail = readThrown(error).detail
    return capabilityErrors.CAPABILITY_FAILED({ capability: name })
  }
}

function deny(call: CapabilityCall, grants: Grants): CapsuleError {
  const { rule, reason } = grants.whyDenied(call.plan, call.input ?? {})
  call.ruleId = rule
  return capabilityErrors.CAPABILITY_DENIED({ capability: call.plan.name, rule, reason })
}
