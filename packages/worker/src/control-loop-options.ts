import type { Clock } from '@capsule/core'
import type { Executor, ExecutorMessage } from '@capsule/executor'
import type { StreamMessage, streamSizes, WorkerMessage, WorkerSettings } from '@capsule/protocol'
import type { CellStreamsLink, StreamHub, Transport, TransportEnd } from '@capsule/transport'

/** What the control loop needs of an executor beside the contract. */
export interface HostedExecutor {
  readonly executor: Executor
  /** The names that outcomes give for the executor of a cell; all of them have its abilities. */
  readonly routes: readonly string[]
  /** The transport takes messages again after `send` or `sendStream` had returned false. */
  readonly resume: () => void
  /** Ends the process, with what was sent on the wire. */
  readonly exit: (code: number) => void
}

export interface ControlLoopOptions {
  readonly transport: Transport<WorkerMessage>
  readonly clock: Clock
  /** Builds the executor with the settings in effect; its messages go to `send`, in order. */
  readonly createExecutor: (start: ExecutorStart) => Promise<HostedExecutor>
  /** The hello was refused, or a message could not be read. */
  readonly exit: (code: number) => void
  /** The host is gone. */
  readonly onHostGone: (end: TransportEnd) => void
}

export interface ExecutorStart {
  readonly settings: WorkerSettings
  readonly windowBytes: number
  /** How many cells may run at once. */
  readonly maxConcurrent: number
  /** Agreed with the host. */
  readonly features: readonly string[]
  readonly send: (message: ExecutorMessage) => boolean
  /** Sends what the hub of the cells' channels says; `false`: no more data until `resume()`. */
  readonly sendStream: (message: StreamMessage) => boolean
  /** For that hub. */
  readonly streamSizes: ReturnType<typeof streamSizes>
  readonly maxStreams: number | undefined
  /** The control loop's own channels, of reserved names: `streams.stream('capsule:...')` on both sides. */
  readonly streams: StreamHub
  /** Sends the acknowledgement that may still be waiting for company, for code that is about to block this thread. */
  readonly acknowledge: () => void
}

/** What channels of cells are sent by, where host and worker have agreed on them. */
export function streamsLink({
  features,
  sendStream,
  streamSizes: sizes,
  maxStreams,
}: ExecutorStart): CellStreamsLink | undefined {
  return features.includes('streams') ? { send: sendStream, sizes, maxStreams } : undefined
}
