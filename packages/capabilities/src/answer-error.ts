import { CapsuleError, coreErrors } from '@capsule/core'
import type { CallOutcome } from './audit-record.ts'
import { capabilityErrors } from './errors.ts'
import { readableText } from './readable-text.ts'
import type { Redactor } from './redactor.ts'
import type { CapabilityAnswer } from './session-capabilities.ts'

// unit: UTF-16 units of a message; threat: errors that are larger than what was asked for
const messageLength = 2000

export function cancelled(capability: string): CapsuleError {
  return coreErrors.CANCELLED({ what: `the call of ${capability}` })
}

/** Without details and cause: what is left has no secret in it. */
export function redactError({ code, message }: CapsuleError, redactor: Redactor): CapsuleError {
  return new CapsuleError(code, readableText(redactor.redact(message, messageLength)), {})
}

export function errorAnswer(error: CapsuleError, redactor: Redactor): CapabilityAnswer {
  const { name, message, code } = redactError(error, redactor)
  return { kind: 'error', error: { name, message, code } }
}

/** Of a call that was aborted with this error. */
export function outcomeOfAbort(error: CapsuleError): CallOutcome {
  if (coreErrors.CANCELLED.is(error)) return 'cancelled'
  if (capabilityErrors.CAPABILITY_TIMED_OUT.is(error)) return 'timed-out'
  return capabilityErrors.CAPABILITY_REVOKED.is(error) ? 'revoked' : 'failed'
}
