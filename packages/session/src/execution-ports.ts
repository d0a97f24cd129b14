import type { Clock } from '@capsule/core'
import type { HostMessage } from '@capsule/protocol'
import type { Outcome } from './outcome.ts'
import type { ExecutionEvent } from './session.ts'

/** What an execution needs of its session. */
export interface ExecutionPorts {
  readonly clock: Clock
  readonly cooperativeMs: number
  readonly outputWindowBytes: number
  /** @throws FRAME_TOO_LARGE, FRAME_TOO_DEEP */
  send(message: HostMessage): void
  readonly credit: (bytes: number) => void
  /** How much waits for a reader; too much pauses the transport. */
  readonly hold: (bytes: number) => void
  /** Calls back when all that was written on fd 1 and 2 before the message being delivered has been read. */
  whenStrayRead(callback: () => void): void
  /** Whether others have the worker's thread as well. */
  readonly isShared: () => boolean
  /** The grace of this execution is over: end the worker. `workerDied` follows. */
  kill(executionId: string): void
  /** Called once, before anyone else learns of the outcome. */
  settled(outcome: Outcome): void
}

/** Sees what an execution's callers see, as it comes. */
export interface ExecutionWitness {
  event(event: ExecutionEvent): void
  /** Last; `undefined`: no worker has seen the execution. */
  ended(outcome: Outcome | undefined): void
}
