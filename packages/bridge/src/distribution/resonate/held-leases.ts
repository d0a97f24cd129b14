import type { Clock, Logger, Timer } from '@capsule/core'
import { reasonOf } from '../host-answer.ts'
import type { ResonateTasks } from './resonate-tasks.ts'
import type { TaskReference } from './task-network.ts'

/** The leases of one host, renewed three times in the length of one. */
export class HeldLeases {
  readonly #tasks: ResonateTasks
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #held = new Map<string, TaskReference>()
  #timer: Timer | undefined

  constructor(tasks: ResonateTasks, { leaseMs, clock, logger }: { leaseMs: number; clock: Clock; logger: Logger }) {
    this.#tasks = tasks
    this.#everyMs = leaseMs / 3
    this.#clock = clock
    this.#logger = logger
  }

  hold(task: TaskReference): void {
    this.#held.set(task.id, task)
    this.#timer ??= this.#schedule()
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
    return this.#clock.setTimer(this.#everyMs, () => {
      this.#timer = this.#held.size > 0 ? this.#schedule() : undefined
      if (this.#held.size === 0) return
      this.#tasks.heartbeat([...this.#held.values()]).catch((error: unknown) => {
        this.#logger.warn('leases were not renewed', { reason: reasonOf(error) })
      })
    })
  }
}
