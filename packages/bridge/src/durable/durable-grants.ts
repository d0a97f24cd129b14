import { type CapsuleError, coreErrors, isCapsuleError } from '@capsule/core'
import type { CapabilityAnswer, CapabilityCall, CapabilityCallPorts, CapabilityGrants } from '@capsule/session'
import type { Bridge } from '../bridge.ts'
import { bridgeErrors } from '../errors.ts'

export interface DurableGrantsOptions {
  readonly bridge: Bridge
  readonly key: string
  readonly timeoutMs: number
  readonly grants: CapabilityGrants
  /** Gets the promises of calls that may have no record. */
  readonly unrecorded: Set<string>
}

/**
 * Grants whose calls with an idempotency key are made once for the whole execution: a value that is recorded is given again,
 * and the call is not made. Errors and what streams are not recorded: such a call is made again when the cell runs again,
 * with the same key.
 */
export function durableGrants({ bridge, key, timeoutMs, grants, unrecorded }: DurableGrantsOptions): CapabilityGrants {
  return {
    get manifest() {
      return grants.manifest
    },
    onManifest: (listener) => grants.onManifest(listener),
    askedInput: (executionId) => grants.askedInput(executionId),
    executionEnded: (executionId) => grants.executionEnded(executionId),
    async call(call, ports) {
      const { idempotencyKey: callKey, capability, body } = call
      const isGranted = grants.manifest.capabilities.some(({ name }) => name === capability)
      // what is not granted, or not any more, is for the grants to refuse, also when a value is recorded
      if (callKey === undefined || body !== undefined || !isGranted) return grants.call(call, ports)
      return recorded(callKey, call, ports)
    },
  }

  async function recorded(
    callKey: string,
    call: CapabilityCall,
    ports: CapabilityCallPorts,
  ): Promise<CapabilityAnswer> {
    let passing: CapabilityAnswer | undefined
    const send = async (signal: AbortSignal): Promise<CapabilityAnswer> => {
      const answer = await grants.call(call, { ...ports, signal: AbortSignal.any([ports.signal, signal]) })
      if (isRecordable(answer, bridge.maxValueBytes)) return { kind: 'value', value: answer.value }
      passing = answer
      throw coreErrors.CANCELLED({ what: 'recording' })
    }
    const { capability, args } = call
    const request = { key, callKey, capability, args, timeoutMs, send, isRetriable: () => true, takeOver: true }
    const id = bridge.ids.call(key, callKey)
    unrecorded.add(id)
    try {
      const answer = await bridge.call(request, { signal: ports.signal })
      unrecorded.delete(id)
      return answer
    } catch (error) {
      if (passing !== undefined) return passing
      // another call with this key was under way, and its answer cannot be given twice: the grants know what to say
      if (coreErrors.CANCELLED.is(error) && !ports.signal.aborted) return grants.call(call, ports)
      return { kind: 'error', error: wireErrorOf(error) }
    }
  }
}

type RecordableAnswer = Extract<CapabilityAnswer, { kind: 'value' }>

// unit: bytes; what the envelope adds
const envelopeBytes = 1024

function isRecordable(answer: CapabilityAnswer, limitBytes: number): answer is RecordableAnswer {
  return answer.kind === 'value' && answer.body === undefined && answer.value.length + envelopeBytes <= limitBytes
}

function wireErrorOf(error: unknown): { name: string; message: string; code: string } {
  const known: CapsuleError = isCapsuleError(error)
    ? error
    : bridgeErrors.SEND_FAILED({ id: 'a capability call', reason: String(error) })
  const { name, message, code } = known
  return { name, message, code }
}
