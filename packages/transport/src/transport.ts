import type { AbortOptions, CapsuleError } from '@capsule/core'
import type { CodecName, FrameLimits } from '@capsule/protocol'

/** Why a transport ended. `eof`: the peer closed between frames. */
export type TransportEnd =
  | { readonly reason: 'closed' }
  | { readonly reason: 'eof' }
  | { readonly reason: 'failed'; readonly error: CapsuleError }

/** What the single reader of a transport is called with, in wire order; never again after `end`. */
export interface TransportReceiver {
  /** One decoded but not yet validated message. */
  message(message: unknown, frameBytes: number): void
  /** Exactly once. */
  end(end: TransportEnd): void
}

export interface TransportCounters {
  readonly sentFrames: number
  readonly sentBytes: number
  /** Of those, what gives way to control messages. */
  readonly sentBulkFrames: number
  readonly sentBulkBytes: number
  readonly receivedFrames: number
  readonly receivedBytes: number
}

/**
 * Messages both ways over one connection, event-driven, bounded. `Out` is what this side sends. Messages of channels and
 * answers to calls are bulk: what else is sent may overtake them while they are queued on this side. Apart from that order
 * is kept, in bulk and in all else.
 */
export interface Transport<Out extends object> extends AsyncDisposable {
  /** For logs and `info()`: `child-process`, `memory`, ... */
  readonly kind: string
  readonly counters: TransportCounters
  /** Starts reading. There is one reader. @throws TRANSPORT_ALREADY_READ */
  start(receiver: TransportReceiver): void
  /**
   * Queues one message. `false`: it is queued, but the peer reads slowly; wait for `drained()` before bulk data.
   * After the end it does nothing and returns false.
   * @throws FRAME_TOO_LARGE, FRAME_TOO_DEEP before anything is written
   */
  send(message: Out): boolean
  /** Resolves when sending is welcome again, or the transport has ended. @throws CANCELLED */
  drained(options?: AbortOptions): Promise<void>
  /** Stops and resumes reading, so that the peer feels back-pressure. */
  pause(): void
  resume(): void
  /** What hello and ready agreed. Until then both sides speak JSON. */
  agree(agreement: { codec: CodecName; limits: FrameLimits }): void
  /** Sends what is queued (unless `discard`), then ends with `closed`. Idempotent. */
  close(options?: { discard?: boolean }): Promise<void>
}

/** How a worker process ended. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A transport to a process that this one started, with what else a session needs of that process. */
export interface ProcessTransport<Out extends object> extends Transport<Out> {
  readonly pid: number
  /** Resolves when the process is gone and all of its pipes are read to their end; never rejects. */
  readonly exited: Promise<ProcessExit>
  /** The last bytes written to fd 2, as text, for crash reports. */
  readonly stderrTail: string
  /** Text from fd 1 and 2; set before `start`. The pipes are always read, so native writers never block. */
  onStray: ((stray: Stray) => void) | undefined
  /**
   * Calls back when all that had been written to fd 1 and 2 before the message being delivered has gone to `onStray`.
   * The system keeps the order: what a process wrote there before it sent a message is readable when the message is, so
   * one whole turn of the event loop reads it.
   */
  whenStrayRead(callback: () => void): void
  /** SIGKILL also ends what the process has started in its process group (not on Windows). `reason`: see `killReason`. */
  kill(signal: NodeJS.Signals, reason?: CapsuleError): void
  /** Why this side killed it, where it said so: what the death then counts as. */
  readonly killReason?: CapsuleError | undefined
}

/** What came over fd 1 or 2 outside the protocol. */
export interface Stray {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}
