import type { CapabilityContext, CapabilityLimits, Logger } from '@capsule/core'
import type { CapabilityCall } from './capability-call.ts'
import { readableText } from './readable-text.ts'
import type { Redactor } from './redactor.ts'

interface CallContextParts {
  readonly call: CapabilityCall
  readonly sessionId: string
  readonly logger: Logger
  readonly redactor: Redactor
  readonly signal: AbortSignal
  readonly limits: CapabilityLimits
  readonly body: AsyncIterable<Uint8Array> | undefined
}

// unit: facts of one call, UTF-16 units of one; threat: audit records without end
const maxAnnotations = 50
const annotationLength = 1000

const noSecrets: Readonly<Record<string, string>> = Object.freeze({})

/** What a handler gets. */
export function createCallContext(parts: CallContextParts): CapabilityContext {
  const { call, sessionId, logger, redactor, signal, limits, body } = parts
  const { request, plan } = call
  return {
    capability: plan.name,
    sessionId,
    executionId: request.executionId,
    callId: request.callId,
    signal,
    limits,
    logger,
    secrets: redactor.hasSecrets ? redactor.secretsOf(plan.provider) : noSecrets,
    idempotencyKey: request.idempotencyKey,
    body,
    annotate: (facts) => annotate(call, facts, redactor),
  }
}

function annotate(call: CapabilityCall, facts: Readonly<Record<string, unknown>>, redactor: Redactor): void {
  for (const [key, fact] of Object.entries(facts)) {
    const name = readableText(redactor.redact(key, annotationLength))
    if (!Object.hasOwn(call.annotations, name) && Object.keys(call.annotations).length >= maxAnnotations) return
    if (typeof fact === 'string') call.annotations[name] = redactor.redact(fact, annotationLength)
    else if (typeof fact === 'number' || typeof fact === 'boolean') call.annotations[name] = fact
  }
}
