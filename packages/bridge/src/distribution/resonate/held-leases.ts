import type { Clock, Logger, Timer } from '@capsule/core'
import { reasonOf } from '../host-answer.ts'
import type { ResonateTasks } from './resonate-tasks.ts'
import type { TaskReference } from './task-network.ts'

export interface HeldLeasesParts {
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** The server answers again, and what is held may be out: it passes over those without a word. */
  readonly onLapse: () => void
}

/** The leases of one host, renewed three times in the length of one. */
export class HeldLeases {
  readonly #tasks: Pick<ResonateTasks, 'heartbeat'>
  readonly #parts: HeldLeasesParts
  readonly #everyMs: number
  readonly #held = new Map<string, TaskReference>()
  #timer: Timer | undefined
  #renewedAtMs = 0

  constructor(tasks: Pick<ResonateTasks, 'heartbeat'>, parts: HeldLeasesParts) {
    this.#tasks = tasks
    this.#parts = parts
    this.#everyMs = parts.leaseMs / 3
  }

  hold(task: TaskReference): void {
    this.#held.set(task.id, task)
    if (this.#timer !== undefined) return
    this.#renewedAtMs = this.#parts.clock.now()
    this.#timer = this.#schedule()
  }

  /** Only of this version: a later one may be held by now. */
  drop({ id, version }: TaskReference): void {
    if (this.#held.get(id)?.version === version) this.#held.delete(id)
  }

  close(): void {
    this.#held.clear()
    this.#timer?.cancel()
  }

  #schedule(): Timer {
    return this.#parts.clock.setTimer(this.#everyMs, () => {
      this.#timer = this.#held.size > 0 ? this.#schedule() : undefined
      if (this.#held.size === 0) return
      this.#renew().catch((error: unknown) => {
        this.#parts.logger.warn('leases were not renewed', { reason: reasonOf(error) })
      })
    })
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs, onLapse } = this.#parts
    const sentAtMs = clock.now()
    await this.#tasks.heartbeat([...this.#held.values()])
    const isLapse = sentAtMs - this.#renewedAtMs >= leaseMs
    this.#renewedAtMs = sentAtMs
    if (isLapse) onLapse()
  }
}
