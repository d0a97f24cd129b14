import { type CapsuleError, coreErrors, isCapsuleError, type Logger } from '@capsule/core'
import {
  type CapabilityCancelMessage,
  type CapabilityRequestMessage,
  type CapabilityResponseMessage,
  callStreamName,
  type HostMessage,
  type ReadyMessage,
} from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from '../errors.ts'
import type { CellExecution } from '../execution.ts'
import type { CapabilityAnswer, CapabilityGrants } from './capability-grants.ts'
import { receivedBody, sendReplyBody } from './call-body.ts'

export interface CapabilityCallsOptions {
  readonly grants?: CapabilityGrants | undefined
  readonly send: (message: HostMessage) => unknown
  /** @throws STREAM_LIMIT, NO_WORKER, FEATURE_UNAVAILABLE */
  readonly openStream: (name: string) => StreamChannel
  readonly logger: Logger
}

type Answer = CapabilityResponseMessage['answer']
interface StreamedValue {
  readonly value: Uint8Array
  readonly body: AsyncIterable<unknown>
}

/** The calls of one session's cells, from the worker to the broker and back. */
export class CapabilityCalls {
  readonly #options: CapabilityCallsOptions
  /** Under way, by call id. */
  readonly #calls = new Map<string, AbortController>()
  #stopListening: (() => void) | undefined

  constructor(options: CapabilityCallsOptions) {
    this.#options = options
  }

  /** A worker is ready: it is told what is granted, now and at each change. @throws FEATURE_UNAVAILABLE */
  start({ features }: Pick<ReadyMessage, 'features'>): void {
    const { grants, send } = this.#options
    if (grants === undefined) return
    if (!features.includes('capabilities')) throw sessionErrors.FEATURE_UNAVAILABLE({ feature: 'capabilities' })
    send({ type: 'capabilities', manifest: grants.manifest })
    this.#stopListening ??= grants.onManifest((manifest) => void send({ type: 'capabilities', manifest }))
  }

  /** The session has closed. */
  close(): void {
    this.#stopListening?.()
  }

  /** `false`: no execution that runs can have sent it. */
  request(message: CapabilityRequestMessage, execution: CellExecution | undefined): boolean {
    const { grants, logger } = this.#options
    const isExpected = execution?.isInFlight === true && !this.#calls.has(message.callId)
    if (grants === undefined || !isExpected) return false
    this.#serve(grants, message, execution).catch((error: unknown) => {
      logger.error('a capability call failed', { capability: message.capability, error })
    })
    return true
  }

  /** `false`: there is no such call. One that was answered a moment ago is late, not wrong. */
  cancel({ executionId, callId }: CapabilityCancelMessage, execution: CellExecution | undefined): boolean {
    this.#calls.get(callId)?.abort(coreErrors.CANCELLED({ what: `the call ${callId}` }))
    return execution?.executionId === executionId
  }

  /** Whether the execution may ask a person; if not, it is told why. */
  mayAsk(executionId: string, inputId: string): boolean {
    const { grants, send } = this.#options
    const refusal = grants?.askedInput(executionId)
    if (refusal === undefined) return true
    send({ type: 'input-response', executionId, inputId, answer: { kind: 'refused', error: wireErrorOf(refusal) } })
    return false
  }

  executionEnded(executionId: string): void {
    this.#options.grants?.executionEnded(executionId)
  }

  async #serve(grants: CapabilityGrants, message: CapabilityRequestMessage, execution: CellExecution): Promise<void> {
    const { executionId, callId, capability, args, idempotencyKey, timeoutMs } = message
    const controller = new AbortController()
    const { signal } = controller
    this.#calls.set(callId, controller)
    const release = execution.calls.onStop((reason) => controller.abort(reason))
    const channel = message.body === true ? this.#options.openStream(callStreamName(callId)) : undefined
    const body = channel && receivedBody(channel, signal)
    execution.effects?.called({ callId, capability })
    const call = { executionId, callId, capability, args, idempotencyKey, timeoutMs, body }
    const answer = await grants.call(call, {
      signal,
      approve: (approval, approvalSignal) => execution.ask(approval, approvalSignal),
    })
    this.#calls.delete(callId)
    execution.effects?.callEnded(callId, answer.kind === 'value' ? 'ok' : 'error')
    try {
      await this.#answer(message, answer, channel, controller)
    } finally {
      release()
    }
  }

  async #answer(
    { executionId, callId }: CapabilityRequestMessage,
    answer: CapabilityAnswer,
    sending: StreamChannel | undefined,
    controller: AbortController,
  ): Promise<void> {
    const respond = (told: Answer): void =>
      void this.#options.send({ type: 'capability-response', executionId, callId, answer: told })
    try {
      if (answer.kind === 'value' && answer.body !== undefined) {
        const { value, body } = answer
        return await this.#stream(callId, { value, body }, respond, sending, controller)
      }
      // what the cell still sends is not read any more
      sending?.cancel()
      respond(answer.kind === 'value' ? { kind: 'value', value: answer.value } : answer)
    } catch (error) {
      // larger than a frame of this codec, or no channel is left
      sending?.cancel()
      respond({ kind: 'error', error: wireErrorOf(error) })
    }
    await sending?.end().catch(() => {})
  }

  async #stream(
    callId: string,
    { value, body }: StreamedValue,
    respond: (answer: Answer) => void,
    sending: StreamChannel | undefined,
    controller: AbortController,
  ): Promise<void> {
    let channel
    try {
      channel = sending ?? this.#options.openStream(callStreamName(callId))
      respond({ kind: 'value', value, body: true })
    } catch (error) {
      controller.abort(error)
      await body[Symbol.asyncIterator]().return?.()
      throw error
    }
    // the cell may go on sending while it reads
    if (sending === undefined) channel.cancel()
    await sendReplyBody(channel, body, controller)
    channel.cancel()
  }
}

/** What crosses the wire of an error that the cell is told. */
function wireErrorOf(error: unknown): { name: string; message: string; code?: string } {
  if (isCapsuleError(error)) return { name: error.name, message: error.message, code: error.code }
  const { name, message }: CapsuleError = sessionErrors.CAPABILITY_ANSWER_LOST({})
  return { name, message, code: sessionErrors.CAPABILITY_ANSWER_LOST.code }
}
