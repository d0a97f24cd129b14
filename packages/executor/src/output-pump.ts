import type { Clock } from '@capsule/core'
import type {
  DisplayMessage,
  OutputCounters,
  ProgressMessage,
  ResultMessage,
  StreamName,
  TerminalErrorMessage,
  UncaughtErrorMessage,
  WorkerSettings,
} from '@capsule/protocol'
import type { ExecutorMessage } from './executor.ts'
import type { HostRequestMessage } from './host-requests.ts'
import { Pump } from './pump.ts'

export type OutputPumpSettings = Pick<
  WorkerSettings,
  'backPressure' | 'outputBufferBytes' | 'outputChunkBytes' | 'drainTimeoutMs' | 'suppressDrainErrors'
>

/** A terminal message before the pump has filled in what it did for that execution; counters given are replaced. */
export type UncountedTerminal = Uncounted<ResultMessage> | Uncounted<TerminalErrorMessage>
type Uncounted<Message extends { output: OutputCounters }> = Omit<Message, 'output'> & { output?: OutputCounters }

/** What is sent in order but is not output. */
export type OrderedMessage = HostRequestMessage | UncaughtErrorMessage | UncountedTerminal

export interface OutputPumpOptions {
  readonly settings: OutputPumpSettings
  readonly clock: Clock
  /** Takes one message in every case and does not throw; `false`: send no more until `resume()`. */
  readonly send: (message: ExecutorMessage) => boolean
  /** Bytes of output that may be sent before `credit()`. @defaultValue Infinity */
  readonly windowBytes?: number
  /**
   * In mode `block`: takes a write even when full, for a writer that is bounded by itself and looks at `isFull` first.
   * @defaultValue false
   */
  readonly overfill?: boolean
  /**
   * Joins the writes of one turn although the way is free: the first is sent at once, the others when they fill a chunk or 16 KiB,
   * after this many milliseconds of continued printing, or when the turn ends. 0: each is sent at once.
   * @defaultValue 0
   */
  readonly gatherMs?: number
  /** Called after a write was refused as `full`, or the buffer was full, as soon as there is room again. */
  readonly onRoom?: () => void
  readonly onDropped?: (dropped: DroppedOutput) => void
}

export interface DroppedOutput {
  readonly executionId: string
  readonly stream: StreamName | 'display'
  readonly bytes: number
}

/** `full` (mode block): not taken, write it again after `onRoom`. `overflow` (mode error): not taken, counted as dropped. */
export type WriteOutcome = 'accepted' | 'full' | 'overflow'

/** The one ordered way out of an executor: output and messages leave in the order they came in. */
export interface OutputPump {
  write(executionId: string, stream: StreamName, text: string, late?: boolean): WriteOutcome
  /**
   * Queues a display, a part of one, or progress, in order with the text; it is bounded and takes credit as text does. In
   * the modes that drop, a display without room is dropped whole. Progress is never refused: it replaces older progress.
   */
  show(message: DisplayMessage | ProgressMessage): WriteOutcome
  /** Queues a message behind all output written before it. A terminal one ends the bookkeeping of its execution. */
  send(message: OrderedMessage): void
  /** The reader took this many bytes of output. */
  credit(bytes: number): void
  /** The transport is drained, after `send` returned false. */
  resume(): void
  /** Joins the writes that `run` makes as if the way were blocked, then sends. */
  batch<T>(run: () => T): T
  /** Sends now what was gathered for the end of the turn, which may never come. */
  sendGathered(): void
  /** Resolves when all that is queued now has been sent or discarded. */
  flush(): Promise<void>
  /** For all executions together; `droppedBytes` never were sent. */
  readonly counters: OutputCounters
  readonly queuedBytes: number
  /** No message of output is larger, and writes are joined up to it. */
  readonly chunkBytes: number
  /** The buffer has no room, or a write was refused and `onRoom` not called since. */
  readonly isFull: boolean
  /** Drops what is queued; nothing is sent from here on. */
  dispose(): void
}

export function createOutputPump(options: OutputPumpOptions): OutputPump {
  return new Pump(options)
}
