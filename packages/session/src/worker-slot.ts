import type { HostMessage, ReadyMessage } from '@capsule/protocol'
import { sessionErrors } from './errors.ts'
import type { WorkerDeath } from './exit-meaning.ts'
import type { Interceptors } from './interceptors.ts'
import type { ResolvedOptions } from './options.ts'
import type { SessionRecord } from './session-record.ts'
import { withinLimits } from './start-limits.ts'
import { asCapsuleError, type LinkReceiver, WorkerLink } from './worker-link.ts'

export interface WorkerSlotOptions {
  readonly session: ResolvedOptions
  readonly interceptors: Interceptors | undefined
  readonly record: SessionRecord
  readonly receiver: Pick<LinkReceiver, 'message' | 'stray' | 'died'>
  readonly onReady: (ready: ReadyMessage) => void
  /** Runs the warm-up cells on the worker that is not ready yet. @throws WARMUP_FAILED */
  readonly warmUp: () => Promise<void>
}

/** The place of the one worker that a session has at a time; while it is empty, what is sent goes nowhere. */
export class WorkerSlot {
  readonly #options: WorkerSlotOptions
  #link: WorkerLink | undefined
  #lastDeath: WorkerDeath | undefined

  constructor(options: WorkerSlotOptions) {
    this.#options = options
  }

  /** `undefined` while it is empty. */
  get link(): WorkerLink | undefined {
    return this.#link
  }

  /** How the worker before ended, while the slot is empty. */
  get vacancy(): WorkerDeath | undefined {
    return this.#link === undefined ? this.#lastDeath : undefined
  }

  /** `false`: see `drained`. */
  readonly send = (message: HostMessage): boolean => this.#link?.send(message) ?? true
  /** Resolves when sending is welcome again, or the worker is gone. */
  readonly drained = async (): Promise<void> => this.#link?.transport.drained()
  readonly credit = (bytes: number): void => this.#link?.credit(bytes)
  readonly hold = (bytes: number): void => this.#link?.hold(bytes)
  readonly whenStrayRead = (callback: () => void): void => this.#link?.transport.whenStrayRead(callback)

  /** Kills the worker, if any, and waits for its end. */
  async clear(): Promise<void> {
    this.#link?.kill()
    await this.#link?.died
  }

  /**
   * Fills the slot with a worker that is ready and warm, or leaves it empty.
   * @throws WORKER_SPAWN_FAILED, PROTOCOL_MISMATCH, FEATURE_UNAVAILABLE, WARMUP_FAILED, READY_TIMEOUT, CANCELLED
   */
  async fill(signal: AbortSignal | undefined): Promise<void> {
    const { clock, readyTimeoutMs } = this.#options.session
    try {
      await withinLimits(() => this.#start(), { clock, readyTimeoutMs, signal })
    } catch (error) {
      await this.clear()
      throw asCapsuleError(error)
    }
  }

  async #start(): Promise<void> {
    const { session, interceptors, record, receiver, onReady, warmUp } = this.#options
    const { connect, codecs, settings, outputWindowBytes, maxStreams, maxConcurrentExecutions, clock } = session
    const concurrency = maxConcurrentExecutions > 1 ? { maxConcurrentExecutions } : {}
    record.startGeneration()
    const link = new WorkerLink({
      connect,
      hello: { codecs: [...codecs], settings, outputWindowBytes, maxStreams, ...concurrency },
      clock,
      interceptors,
      receiver: {
        ...receiver,
        counted: (what) => void record.counters[what === 'invalid' ? 'invalidMessages' : 'unknownMessages']++,
        died: (death) => {
          this.#link = undefined
          this.#lastDeath = death
          receiver.died(death)
        },
      },
    })
    this.#link = link
    const ready = await link.ready
    record.ready(ready)
    if (maxConcurrentExecutions > 1 && !record.offers('concurrency')) {
      throw sessionErrors.FEATURE_UNAVAILABLE({ feature: 'concurrency' })
    }
    onReady(ready)
    await warmUp()
  }
}
