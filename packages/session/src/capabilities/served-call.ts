import { type CapsuleError, coreErrors, isCapsuleError, type Logger } from '@capsule/core'
import { type CapabilityRequestMessage, type CapabilityResponseMessage, callStreamName } from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from '../errors.ts'
import type { CellExecution } from '../execution.ts'
import { receivedBody, sendReplyBody } from './call-body.ts'
import type { CapabilityAnswer, CapabilityGrants } from './capability-grants.ts'

/** The way to the worker that the call came from. */
export interface ServedCallLink {
  /** `bytes`: of the value in it. */
  readonly send: (message: CapabilityResponseMessage, bytes: number) => void
  /** Resolves when the worker has read enough of the answers before; undefined: it has. */
  readonly room: (message: CapabilityRequestMessage) => Promise<void> | undefined
  /** @throws STREAM_LIMIT, NO_WORKER, FEATURE_UNAVAILABLE, CAPABILITY_ANSWER_LOST */
  readonly openStream: (name: string) => StreamChannel
  readonly logger: Logger
}

type Answer = CapabilityResponseMessage['answer']
type StreamedAnswer = Extract<CapabilityAnswer, { kind: 'value' }> & { readonly body: AsyncIterable<unknown> }

/** One call of a cell, from its request to the end of what comes behind the reply; answered once, whatever happens. */
export class ServedCall {
  readonly #message: CapabilityRequestMessage
  readonly #link: ServedCallLink
  readonly #controller = new AbortController()
  #isAnswered = false

  constructor(message: CapabilityRequestMessage, link: ServedCallLink) {
    this.#message = message
    this.#link = link
  }

  get executionId(): string {
    return this.#message.executionId
  }

  /** The cell does not wait for it any more, or does not read on. */
  cancel(): void {
    this.#controller.abort(coreErrors.CANCELLED({ what: `the call ${this.#message.callId}` }))
  }

  /** Never rejects. */
  async serve(grants: CapabilityGrants, execution: CellExecution): Promise<void> {
    const { callId, capability } = this.#message
    const release = execution.calls.onStop((reason) => this.#controller.abort(reason))
    execution.effects?.called({ callId, capability })
    let sending: StreamChannel | undefined
    try {
      const room = this.#link.room(this.#message)
      if (room !== undefined) await room
      sending = this.#message.body === true ? this.#link.openStream(callStreamName(callId)) : undefined
      const answer = await this.#ask(grants, execution, sending)
      execution.effects?.callEnded(callId, answer.kind === 'value' ? 'ok' : 'error')
      await this.#answer(answer, sending)
    } catch (error) {
      this.#link.logger.error('a capability call failed', { capability, error })
      this.#controller.abort(error)
      this.#fail(error)
    } finally {
      release()
      // both ends are over by now, unless something failed
      await sending?.[Symbol.asyncDispose]().catch(() => {})
    }
  }

  #ask(grants: CapabilityGrants, execution: CellExecution, channel: StreamChannel | undefined) {
    const { executionId, callId, capability, args, idempotencyKey, timeoutMs } = this.#message
    const { signal } = this.#controller
    const body = channel && receivedBody(channel, signal)
    return grants.call(
      { executionId, callId, capability, args, idempotencyKey, timeoutMs, body },
      { signal, approve: (approval, approvalSignal) => execution.ask(approval, approvalSignal) },
    )
  }

  async #answer(answer: CapabilityAnswer, sending: StreamChannel | undefined): Promise<void> {
    if (answer.kind === 'value' && answer.body !== undefined) {
      return this.#stream({ ...answer, body: answer.body }, sending)
    }
    // what the cell still sends is not read any more
    sending?.cancel()
    try {
      this.#respond(answer.kind === 'value' ? { kind: 'value', value: answer.value } : answer)
    } catch (error) {
      // larger than a frame of this codec
      this.#fail(error)
    }
  }

  async #stream({ value, body, signal }: StreamedAnswer, sending: StreamChannel | undefined): Promise<void> {
    let channel = sending
    try {
      channel ??= this.#link.openStream(callStreamName(this.#message.callId))
      this.#respond({ kind: 'value', value, body: true })
    } catch (error) {
      // larger than a frame of this codec, or no channel is left
      this.#controller.abort(error)
      this.#fail(error)
      await Promise.allSettled([body[Symbol.asyncIterator]().return?.(), channel?.[Symbol.asyncDispose]()])
      return
    }
    // the cell may go on sending while it reads
    if (sending === undefined) channel.cancel()
    await sendReplyBody(channel, body, { controller: this.#controller, ended: signal })
    channel.cancel()
  }

  #respond(answer: Answer): void {
    const { executionId, callId } = this.#message
    const bytes = answer.kind === 'value' ? answer.value.length : 0
    this.#link.send({ type: 'capability-response', executionId, callId, answer }, bytes)
    this.#isAnswered = true
  }

  #fail(error: unknown): void {
    if (!this.#isAnswered) this.#respond({ kind: 'error', error: wireErrorOf(error) })
  }
}

/** What crosses the wire of an error that the cell is told. */
export function wireErrorOf(error: unknown): { name: string; message: string; code: string } {
  const { name, message, code }: CapsuleError = isCapsuleError(error) ? error : sessionErrors.CAPABILITY_ANSWER_LOST({})
  return { name, message, code }
}
