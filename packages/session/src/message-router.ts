import {
  creditedBytes,
  type DisplayMessage,
  type InputRequestMessage,
  type ReadyMessage,
  type StreamName,
  type WorkerMessage,
} from '@capsule/protocol'
import type { CapabilityCalls } from './capabilities/capability-calls.ts'
import { DisplayAssembly } from './display-assembly.ts'
import { type EventMessage, eventOf } from './event-queue.ts'
import type { ExecutionIds } from './execution-ids.ts'
import type { Inspections } from './inspections.ts'
import type { ResetRequest } from './reset-request.ts'
import type { RunningExecutions } from './running-executions.ts'
import type { Emitter } from './emitter.ts'
import type { SessionEvents } from './session.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionStreams } from './session-streams.ts'

export interface MessageRouterOptions {
  readonly record: SessionRecord
  readonly emitter: Emitter<SessionEvents>
  readonly inspections: Inspections
  readonly resets: ResetRequest
  readonly executionIds: ExecutionIds
  readonly streams: Pick<SessionStreams, 'receive'>
  readonly running: RunningExecutions
  readonly calls: CapabilityCalls
  readonly credit: (bytes: number) => void
}

/** Brings what a worker says to what is in flight, and late events to the session. */
export class MessageRouter {
  readonly #options: MessageRouterOptions
  /** Of settled executions: they share one, so that their number does not matter. */
  readonly #lateDisplays = new DisplayAssembly()

  constructor(options: MessageRouterOptions) {
    this.#options = options
  }

  /** `false`: it fits nothing that is in flight. */
  message(message: Exclude<WorkerMessage, ReadyMessage>): boolean {
    const { record, emitter, inspections, resets, running, streams, calls } = this.#options
    switch (message.type) {
      case 'heartbeat': {
        const { type: _type, ...fields } = message
        record.heartbeat(fields)
        emitter.emit('heartbeat', fields)
        return true
      }
      case 'inspect-result':
        return inspections.answer(message.requestId, message.answer)
      case 'reset-result':
        return resets.answer(message.requestId, message.answer)
      case 'ack':
        return running.find(message.executionId)?.acknowledge() ?? false
      case 'result':
        return running.find(message.executionId)?.terminal(message) ?? false
      case 'error':
        if (message.terminal) return running.find(message.executionId)?.terminal(message) ?? false
        return this.#event(message)
      case 'display':
        return this.#display(message)
      case 'output':
      case 'progress':
        return this.#event(message)
      case 'input-request':
        return this.#inputRequest(message)
      case 'capability-request':
        return calls.request(message, running.find(message.executionId))
      case 'capability-cancel':
        return calls.cancel(message, running.find(message.executionId))
      case 'stream-open':
      case 'stream-data':
      case 'stream-credit':
      case 'stream-close':
        return streams.receive(message)
    }
  }

  /** Text on fd 1 or 2: nothing says who wrote it. */
  stray(stray: { stream: StreamName; text: string }): void {
    const { latest } = this.#options.running
    if (latest !== undefined) latest.stray(stray.stream, stray.text)
    else this.#options.emitter.emit('stray', stray)
  }

  #inputRequest(message: InputRequestMessage): boolean {
    const { running, calls } = this.#options
    const { executionId, inputId } = message
    // nothing is counted for one that does not run
    if (running.find(executionId)?.isInFlight !== true) return false
    return !calls.mayAsk(executionId, inputId) || this.#event(message)
  }

  #event(message: EventMessage): boolean {
    const { running, credit, executionIds, record, emitter } = this.#options
    if (running.find(message.executionId)?.receive(message)) return true
    // nobody reads it at leisure, whatever it is: the worker gets its credit back at once
    if (message.type === 'output' || message.type === 'progress') credit(creditedBytes(message))
    if (message.type === 'input-request' || message.type === 'progress' || !message.late) return false
    const { executionId } = message
    if (executionId === undefined || !executionIds.isIssued(executionId)) return false
    if (executionIds.isForgotten(executionId)) return true
    record.counters.lateEvents++
    emitter.emit('late', eventOf(executionId, message))
    return true
  }

  #display(message: DisplayMessage): boolean {
    const { running, credit, executionIds, record, emitter } = this.#options
    const { executionId, part: place, late } = message
    const part = { bytes: creditedBytes(message), isFirst: (place?.index ?? 0) === 0 }
    const execution = running.find(executionId)
    // late parts may begin before their execution has settled and end after it
    const displays = (late ? undefined : execution?.displays) ?? this.#lateDisplays
    const whole = displays.take(message)
    if (whole === 'malformed') {
      credit(part.bytes)
      return false
    }
    const event = whole === 'incomplete' ? undefined : whole
    if (execution?.receiveDisplay(part, event)) return true
    credit(part.bytes)
    if (!late || !executionIds.isIssued(executionId)) return false
    if (event === undefined || executionIds.isForgotten(executionId)) return true
    record.counters.lateEvents++
    emitter.emit('late', event)
    return true
  }
}
