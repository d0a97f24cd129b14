import { coreErrors, createCountingIds, type IdSource } from '@capsule/core'
import {
  capabilityLimits,
  type CapabilityCancelMessage,
  type CapabilityManifest,
  type CapabilityRequestMessage,
  type CapabilityResponseMessage,
  decodeValue,
  encodeValue,
  streamLimits,
  type WireError,
} from '@capsule/protocol'
import { errorOf } from '../error-of.ts'
import { executorErrors } from '../errors.ts'
import { replyOf } from './capability-reply.ts'
import { sendBody } from './send-body.ts'
import { takeArguments } from './take-arguments.ts'
import { describeUnsendable } from './unsendable.ts'

/** The channel of one call; a stream channel of the transport package is one. */
export interface BodyChannel extends AsyncIterable<unknown> {
  read(options?: { readonly signal?: AbortSignal | undefined }): Promise<IteratorResult<unknown, undefined>>
  write(chunk: unknown): Promise<void>
  end(): Promise<void>
  fail(error: unknown): Promise<void>
  cancel(reason?: unknown): void
}

export interface CapabilityCallsOptions {
  /** @defaultValue a counting source */
  readonly ids?: IdSource
  /** Sends behind the output written so far. */
  readonly emit: (message: CapabilityRequestMessage | CapabilityCancelMessage) => void
  readonly currentExecutionId: () => string | undefined
  readonly isRunning: (executionId: string) => boolean
  /** The engine's: calls the listener when the execution is cancelled, at once if it is; returns the way to unregister. */
  readonly onCancel: (executionId: string, listener: (error: Error) => void) => () => void
  /** @throws STREAM_LIMIT, STREAMS_UNAVAILABLE */
  readonly openChannel: (callId: string) => BodyChannel
  /** Of the encoded arguments of one call. */
  readonly argsBytes: number
}

export type GrantedCapability = CapabilityManifest['capabilities'][number]

/** The open calls of the cells to what the host offers. */
export interface CapabilityCalls {
  /** @throws CAPABILITY_OUTSIDE_CELL, CAPABILITY_CALLS_PENDING, CAPABILITY_CALL_INVALID, CANCELLED, and what the host answers, as a rejection */
  call(granted: GrantedCapability, args: readonly unknown[]): Promise<unknown>
  /** Settles the call that the message answers; says whether there was one. */
  respond(message: CapabilityResponseMessage): boolean
  /** The execution has ended: what it has not waited for is given up, and nobody is told. */
  close(executionId: string): void
  readonly pending: number
}

interface Call {
  readonly executionId: string
  readonly granted: GrantedCapability
  readonly signal: AbortSignal | undefined
  /** Of a call that sends a body. */
  channel: BodyChannel | undefined
  readonly promise: Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** What the cell's own body failed with. */
  bodyError?: { readonly error: unknown }
  /** Stops listening to what could end it. */
  leave: () => void
}

// cells share `globalThis` with this code and may replace any of these
const NativePromise = Promise
const NativeMap = Map

const silent = (): void => {}

export function createCapabilityCalls(options: CapabilityCallsOptions): CapabilityCalls {
  return new Calls(options)
}

class Calls implements CapabilityCalls {
  readonly #options: CapabilityCallsOptions
  readonly #ids: IdSource
  /** Those that the host has not answered. */
  readonly #calls: Map<string, Call> = new NativeMap()

  constructor(options: CapabilityCallsOptions) {
    this.#options = options
    this.#ids = options.ids ?? createCountingIds()
  }

  get pending(): number {
    return this.#calls.size
  }

  // not async: the request must be on its way before the cell goes on
  call(granted: GrantedCapability, args: readonly unknown[]): Promise<unknown> {
    try {
      return this.#ask(granted, args)
    } catch (error) {
      return NativePromise.reject(error as Error)
    }
  }

  respond({ executionId, callId, answer }: CapabilityResponseMessage): boolean {
    const call = this.#calls.get(callId)
    // it has crossed with the end of its call
    if (call === undefined && answer.kind === 'value' && answer.body === true) this.#leaveBody(callId)
    if (call?.executionId !== executionId) return false
    this.#forget(callId, call)
    try {
      if (answer.kind === 'error') throw errorOfCall(call, answer.error)
      call.resolve(this.#replyOf(callId, call, answer))
    } catch (error) {
      call.channel?.cancel()
      call.reject(error)
    }
    return true
  }

  close(executionId: string): void {
    for (const [callId, call] of this.#calls) {
      if (call.executionId !== executionId) continue
      // it did not await the call, so it does not handle the rejection either
      call.promise.catch(silent)
      this.#giveUp(callId, coreErrors.CANCELLED({ what: call.granted.name }))
    }
  }

  #ask(granted: GrantedCapability, given: readonly unknown[]): Promise<unknown> {
    const { name: capability } = granted
    const executionId = this.#callerOf(capability)
    const { maxPendingCalls } = capabilityLimits
    if (this.#calls.size >= maxPendingCalls) {
      throw executorErrors.CAPABILITY_CALLS_PENDING({ capability, maxPendingCalls })
    }
    const { args, body, signal, ...callOptions } = takeArguments(granted, given)
    if (signal?.aborted === true) throw cancelled(capability, signal)
    const encoded = this.#encoded(capability, args)
    const callId = this.#ids.next('call')
    const waiting = NativePromise.withResolvers<unknown>()
    const call: Call = { executionId, granted, signal, channel: undefined, ...waiting, leave: silent }
    this.#calls.set(callId, call)
    call.leave = this.#listen(callId, call)
    // the execution is cancelled already: nothing is asked, and no channel opened that the host would not hear of
    if (!this.#calls.has(callId)) {
      call.leave()
      return call.promise
    }
    const head = { type: 'capability-request', executionId, callId, capability, args: encoded, ...callOptions } as const
    try {
      if (body === undefined) this.#options.emit(head)
      else this.#askWithBody(call, head, body)
    } catch (error) {
      this.#forget(callId, call)
      throw error
    }
    return call.promise
  }

  /** @throws STREAM_LIMIT, STREAMS_UNAVAILABLE */
  #askWithBody(call: Call, head: CapabilityRequestMessage, body: AsyncIterable<unknown>): void {
    const { openChannel, emit } = this.#options
    const channel = openChannel(head.callId)
    call.channel = channel
    emit({ ...head, body: true })
    const { capability } = head
    void sendBody({ channel, body, capability, onFailed: (error) => (call.bodyError = { error }) })
  }

  #callerOf(capability: string): string {
    const { currentExecutionId, isRunning } = this.#options
    const executionId = currentExecutionId()
    if (executionId !== undefined && isRunning(executionId)) return executionId
    throw executorErrors.CAPABILITY_OUTSIDE_CELL({ capability, executionId })
  }

  #listen(callId: string, { executionId, granted, signal }: Call): () => void {
    const { emit, onCancel } = this.#options
    const onAbort = (): void => {
      emit({ type: 'capability-cancel', executionId, callId })
      this.#giveUp(callId, cancelled(granted.name, signal))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    const unregister = onCancel(executionId, (error) => this.#giveUp(callId, error))
    return () => {
      signal?.removeEventListener('abort', onAbort)
      unregister()
    }
  }

  #encoded(capability: string, args: readonly unknown[]): Uint8Array {
    const limits = { bytes: this.#options.argsBytes, depth: streamLimits.valueDepth }
    const encoded = encodeValue(args, limits)
    if (encoded !== undefined && !encoded.truncated) return encoded.bytes
    throw executorErrors.CAPABILITY_CALL_INVALID({ capability, problem: describeUnsendable(args, limits) })
  }

  #replyOf(
    callId: string,
    { granted, signal, channel: sending }: Call,
    { value, body }: Extract<CapabilityResponseMessage['answer'], { kind: 'value' }>,
  ): unknown {
    const decoded = decodeValue(value, { depth: streamLimits.valueDepth })
    if (body !== true) {
      sending?.cancel()
      return replyOf(granted, decoded, undefined)
    }
    const channel = sending ?? this.#options.openChannel(callId)
    // this side has nothing to say in it
    if (sending === undefined) void channel.end().catch(silent)
    return replyOf(granted, decoded, { channel, signal })
  }

  /** Says that nobody reads what comes behind an answer. */
  #leaveBody(callId: string): void {
    try {
      const channel = this.#options.openChannel(callId)
      channel.cancel()
      void channel.end().catch(silent)
    } catch {
      // no channel is left: the host ends it with the time of the call
    }
  }

  #giveUp(callId: string, error: Error): void {
    const call = this.#calls.get(callId)
    if (call === undefined) return
    this.#forget(callId, call)
    call.channel?.cancel(error)
    void call.channel?.fail(error).catch(silent)
    call.reject(error)
  }

  #forget(callId: string, call: Call): void {
    this.#calls.delete(callId)
    call.leave()
  }
}

/** What the cell's body threw comes back as it was: the host only knows that the stream has failed. */
function errorOfCall({ bodyError }: Call, error: WireError): unknown {
  return bodyError !== undefined && error.code === 'STREAM_FAILED' ? bodyError.error : errorOf(error)
}

function cancelled(what: string, signal: AbortSignal | undefined): Error {
  return coreErrors.CANCELLED({ what }, { cause: signal?.reason })
}
