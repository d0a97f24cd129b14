import {
  type Capability,
  type CapabilityContext,
  type CapabilityLimits,
  type CapabilityProvider,
  type Checked,
  createCountingIds,
} from '@capsule/core'
import { decodeValue, encodeValue } from '@capsule/protocol'
import { createFakeClock, createRecordingLogger, type FakeClock, type RecordingLogger } from '@capsule/testing'
import {
  type ApprovalDecision,
  type ApprovalRequest,
  type AuditRecord,
  type BrokerLimits,
  type CapabilityAnswer,
  type CapabilityRegistry,
  type CapabilityRequest,
  createCapabilityBroker,
  createCapabilityRegistry,
  type PolicyDefinition,
  type SessionCapabilities,
} from '../src/index.ts'

export type Handler = (input: Record<string, unknown>, context: CapabilityContext) => unknown

export const valid = (value: unknown): Checked => ({ isValid: true, value })

export type CapabilityChanges = Partial<Omit<Capability, 'limits'>> & { readonly limits?: Partial<CapabilityLimits> }

/** A capability that takes and returns anything. */
export function capabilityOf(handler: Handler, changes: CapabilityChanges = {}): Capability {
  const limits = { timeoutMs: 1000, inputBytes: 10_000, outputBytes: 10_000, concurrent: 16, ...changes.limits }
  return {
    summary: 'Does something.',
    effect: 'write',
    positional: ['path'],
    returns: 'value',
    inputSchema: {},
    outputSchema: {},
    checkInput: valid,
    checkOutput: valid,
    describeCall: (input) => `does ${JSON.stringify(input)}`,
    invoke: (input, context) => handler(input as Record<string, unknown>, context),
    ...changes,
    limits,
  }
}

export function providerOf(
  name: string,
  capabilities: Record<string, Capability | Handler>,
  secrets: Record<string, () => string> = {},
): CapabilityProvider {
  return {
    name,
    specificationVersion: 'v1',
    secrets,
    capabilities: Object.fromEntries(
      Object.entries(capabilities).map(([key, each]) => [key, typeof each === 'function' ? capabilityOf(each) : each]),
    ),
    [Symbol.asyncDispose]: async () => {},
  }
}

export const everything: PolicyDefinition = {
  name: 'everything',
  rules: [{ id: 'everything', effect: 'allow', capability: '*' }],
}

export interface Opened {
  readonly session: SessionCapabilities
  readonly registry: CapabilityRegistry
  readonly clock: FakeClock
  readonly logger: RecordingLogger
  readonly records: AuditRecord[]
  /** What was asked, with what answers it. */
  readonly asked: { readonly approval: ApprovalRequest; readonly signal: AbortSignal }[]
  readonly call: (capability: string, args?: unknown[], more?: CallOptions) => Promise<CapabilityAnswer>
}

export interface CallOptions extends Partial<Omit<CapabilityRequest, 'args' | 'capability'>> {
  readonly signal?: AbortSignal
  readonly approve?: (approval: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalDecision>
}

export interface OpenSessionOptions {
  readonly policy?: PolicyDefinition
  readonly limits?: Partial<BrokerLimits>
  readonly approve?: (approval: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalDecision>
}

export function encodeArgs(args: unknown): Uint8Array {
  const encoded = encodeValue(args, { bytes: 100_000_000, depth: 1000 })
  if (encoded === undefined || encoded.truncated) throw new Error('these arguments cannot be encoded')
  return encoded.bytes
}

/** A session over these providers, on a clock that stands still. */
export function openSession(providers: readonly CapabilityProvider[], options: OpenSessionOptions = {}): Opened {
  const clock = createFakeClock()
  const logger = createRecordingLogger()
  const records: AuditRecord[] = []
  const asked: { approval: ApprovalRequest; signal: AbortSignal }[] = []
  const registry = createCapabilityRegistry(providers)
  const broker = createCapabilityBroker({
    registry,
    clock,
    logger,
    ids: createCountingIds(),
    audit: { record: (record) => void records.push(record) },
    limits: options.limits,
  })
  const session = broker.open({ sessionId: 'session-1', policy: options.policy ?? everything })
  const ids = createCountingIds()
  return {
    session,
    registry,
    clock,
    logger,
    records,
    asked,
    call(capability, args = [], more = {}) {
      const { signal = new AbortController().signal, approve = options.approve, ...request } = more
      return session.call(
        { executionId: 'execution-1', callId: ids.next('call'), capability, args: encodeArgs(args), ...request },
        {
          signal,
          approve: async (approval, approvalSignal) => {
            asked.push({ approval, signal: approvalSignal })
            return approve?.(approval, approvalSignal) ?? { decision: 'approve' }
          },
        },
      )
    },
  }
}

/** The value of an answer; an error is thrown. */
export function valueOf(answer: CapabilityAnswer): unknown {
  if (answer.kind === 'error') throw new Error(`${answer.error.code}: ${answer.error.message}`)
  return decodeValue(answer.value)
}

export function codeOf(answer: CapabilityAnswer): string {
  return answer.kind === 'error' ? answer.error.code : 'ok'
}

/** All that is settled by now has been told to whoever waits for it. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
