import type { Clock } from '@capsule/core'
import type {
  CapabilityCancelMessage,
  CapabilityManifest,
  CapabilityRequestMessage,
  CapabilityResponseMessage,
  InputRequestMessage,
  InputResponseMessage,
} from '@capsule/protocol'
import { type BodyChannel, createCapabilityCalls } from './capabilities/capability-calls.ts'
import { createCapsBuiltin } from './capabilities/caps-builtin.ts'
import { createInputRequests, type InputOptions, type InputRequests } from './input-requests.ts'

/** What a cell asks of the host, behind the output written so far. */
export type HostRequestMessage = InputRequestMessage | CapabilityRequestMessage | CapabilityCancelMessage

export interface HostRequestsOptions {
  readonly emit: (message: HostRequestMessage) => void
  readonly currentExecutionId: () => string | undefined
  readonly isRunning: (executionId: string) => boolean
  readonly engine: {
    onCancel(executionId: string, listener: (error: Error) => void): () => void
    defineBuiltin(name: string, value: unknown): void
    removeBuiltin(name: string): void
  }
  /** See `CapabilityCallsOptions`. */
  readonly openChannel: (callId: string) => BodyChannel
  readonly argsBytes: number
  /** The blocking `prompt()`. @throws SYNC_INPUT_UNAVAILABLE where there is none */
  readonly prompt: (text?: string, options?: InputOptions) => string
  readonly clock: Clock
}

/** All that cells ask of the host: a person's input, and capabilities. */
export interface HostRequests {
  readonly input: InputRequests
  /** Settles what the message answers; says whether there was one. */
  respond(message: InputResponseMessage | CapabilityResponseMessage): boolean
  /** What cells can call from now on. */
  grant(manifest: CapabilityManifest): void
  /** The execution has ended, and what it asked with it. */
  close(executionId: string): void
}

/** Makes `input` and `prompt`, which are there until a manifest says otherwise, and an empty `caps`. */
export function createHostRequests(options: HostRequestsOptions): HostRequests {
  const { engine, emit, currentExecutionId, isRunning, clock, openChannel, argsBytes, prompt } = options
  const whose = { emit, currentExecutionId, isRunning, onCancel: engine.onCancel.bind(engine) }
  const input = createInputRequests({ ...whose, clock })
  const calls = createCapabilityCalls({ ...whose, openChannel, argsBytes })
  const caps = createCapsBuiltin({
    calls,
    define: (name, value) => engine.defineBuiltin(name, value),
    remove: (name) => engine.removeBuiltin(name),
    inputBuiltins: { input: (text?: string, more?: InputOptions) => input.input(text, more), prompt },
  })
  caps.apply({ capabilities: [], names: [], input: true })
  return {
    input,
    respond: (message) => (message.type === 'input-response' ? input.respond(message) : calls.respond(message)),
    grant: (manifest) => caps.apply(manifest),
    close(executionId) {
      input.close(executionId)
      calls.close(executionId)
    },
  }
}
