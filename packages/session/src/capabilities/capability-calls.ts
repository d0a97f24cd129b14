import type { Logger } from '@capsule/core'
import type { CapabilityCancelMessage, CapabilityRequestMessage, HostMessage, ReadyMessage } from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from '../errors.ts'
import type { CellExecution } from '../execution.ts'
import type { CapabilityGrants } from './capability-grants.ts'
import { ServedCall, type ServedCallLink, wireErrorOf } from './served-call.ts'
import { UnreadAnswers } from './unread-answers.ts'

export interface CapabilityCallsOptions {
  readonly grants?: CapabilityGrants | undefined
  /** `false`: see `drained`. */
  readonly send: (message: HostMessage) => boolean
  /** Resolves when sending is welcome again, or the worker is gone. */
  readonly drained: () => Promise<void>
  /** @throws STREAM_LIMIT, NO_WORKER, FEATURE_UNAVAILABLE */
  readonly openStream: (name: string) => StreamChannel
  readonly logger: Logger
}

/** The calls of one session's cells, from the worker to the broker and back. */
export class CapabilityCalls {
  readonly #options: CapabilityCallsOptions
  /** Of the present worker, until what comes behind their replies is over, by call id: the next worker counts anew. */
  #calls = new Map<string, ServedCall>()
  #unread: UnreadAnswers
  #stopListening: (() => void) | undefined

  constructor(options: CapabilityCallsOptions) {
    this.#options = options
    this.#unread = new UnreadAnswers(options)
  }

  /** A worker is ready: it is told what is granted, now and at each change. @throws FEATURE_UNAVAILABLE */
  start({ features }: Pick<ReadyMessage, 'features'>): void {
    const { grants, send } = this.#options
    if (grants === undefined) return
    if (!features.includes('capabilities')) throw sessionErrors.FEATURE_UNAVAILABLE({ feature: 'capabilities' })
    this.#calls = new Map()
    this.#unread = new UnreadAnswers(this.#options)
    send({ type: 'capabilities', manifest: grants.manifest })
    this.#stopListening ??= grants.onManifest((manifest) => void send({ type: 'capabilities', manifest }))
  }

  /** The session has closed. */
  close(): void {
    this.#stopListening?.()
  }

  /** `false`: no execution that runs can have sent it, or it is one of too many whose answers nobody reads. */
  request(message: CapabilityRequestMessage, execution: CellExecution | undefined): boolean {
    const { grants } = this.#options
    const calls = this.#calls
    const { callId } = message
    if (grants === undefined || execution?.isInFlight !== true || calls.has(callId)) return false
    if (this.#unread.isExhausted) return false
    const call = new ServedCall(message, this.#linkOf(calls))
    calls.set(callId, call)
    void call.serve(grants, execution).then(() => calls.delete(callId))
    return true
  }

  /** `false`: there is no such call. One that is over since a moment ago is late, not wrong. */
  cancel({ executionId, callId }: CapabilityCancelMessage, execution: CellExecution | undefined): boolean {
    const call = this.#calls.get(callId)
    if (call?.executionId === executionId) call.cancel()
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

  /** The way to the worker that these calls came from, and to no later one. */
  #linkOf(calls: Map<string, ServedCall>): ServedCallLink {
    const { send, openStream, logger } = this.#options
    const unread = this.#unread
    const isPresent = (): boolean => calls === this.#calls
    return {
      logger,
      room: (message) => unread.room(message),
      send(message, bytes) {
        if (isPresent()) unread.sent(bytes, send(message))
      },
      openStream(name) {
        if (isPresent()) return openStream(name)
        throw sessionErrors.CAPABILITY_ANSWER_LOST({})
      },
    }
  }
}
