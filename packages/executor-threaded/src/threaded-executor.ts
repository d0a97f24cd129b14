import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '@capsule/core'
import type { Executor, ExecutorMessage } from '@capsule/executor'
import type { WorkerSettings } from '@capsule/protocol'
import type { CellStreamsLink } from '@capsule/transport'
import type { SharedState } from './shared-state.ts'
import type { Terminator } from './terminator.ts'

export interface ThreadedExecutorOptions {
  readonly shared: SharedState
  /** The other end is the user side's. */
  readonly port: MessagePort
  /** `port` brings what cells send into channels; its other end is the user side's. @defaultValue the host knows no streams */
  readonly streams?: (CellStreamsLink & { readonly port: MessagePort }) | undefined
  readonly settings: WorkerSettings
  readonly clock: Clock
  /** Hands one message to the transport; `false`: it is queued, but wait for `resume()`. */
  readonly send: (message: ExecutorMessage) => boolean
  /** Bytes of output that may be sent before the reader gives credit. @defaultValue Infinity */
  readonly windowBytes?: number
  /** Puts all that was sent on the wire, then calls back; asked once, before the process exits. Nothing is sent after it. */
  readonly whenSent: (callback: () => void) => void
  /** How many cells may run at once. @defaultValue 1 */
  readonly maxConcurrent?: number
  /** What the reader takes: without `display` it gets text, without `progress` nothing. @defaultValue both */
  readonly features?: readonly string[]
  readonly terminator?: Terminator
}

/** The control thread's half of the threaded executor. */
export interface ThreadedExecutor extends Executor {
  /** Resolves when the user side has built its engine. */
  readonly configured: Promise<void>
  /** The transport takes messages again. */
  resume(): void
  /** Asks the user side to end the process. */
  exit(code: number): void
}
