import type { Clock, Timer } from '@capsule/core'
import type { TaskReference } from './task-network.ts'

export interface TaskOffersParts {
  readonly clock: Clock
  readonly isForAnyone: (id: string) => boolean
  /** Gives it back to the server, which offers it to the next host. */
  readonly passOn: (task: TaskReference) => void
}

/** How often a full host passes one offer on: the server itself would let others wait for 30 s. */
const passOnMs = 250

/**
 * What the server has offered and there was no place for, oldest first. The server brings a task to one host, full or not;
 * so a full one keeps what it was brought for its own next place, and passes on the newest from time to time.
 */
export class TaskOffers implements Iterable<TaskReference> {
  readonly #parts: TaskOffersParts
  readonly #offers = new Map<string, TaskReference>()
  #isRefusing = false
  #timer: Timer | undefined

  constructor(parts: TaskOffersParts) {
    this.#parts = parts
  }

  add(task: TaskReference): void {
    this.#offers.set(task.id, task)
    this.#timer ??= this.#schedule()
  }

  delete(task: TaskReference): void {
    this.#offers.delete(task.id)
  }

  /** From now on everything is passed on. */
  refuse(): void {
    this.#isRefusing = true
    this.#passOnAll()
  }

  close(): void {
    this.#timer?.cancel()
    this.#offers.clear()
  }

  [Symbol.iterator](): Iterator<TaskReference> {
    return this.#isRefusing ? [].values() : this.#offers.values()
  }

  #schedule(): Timer {
    return this.#parts.clock.setTimer(passOnMs, () => {
      this.#timer = undefined
      if (this.#isRefusing) this.#passOnAll()
      else this.#passOnNewest()
      if (this.#offers.size > 0) this.#timer = this.#schedule()
    })
  }

  #passOnNewest(): void {
    const newest = [...this.#offers.values()].findLast(({ id }) => this.#parts.isForAnyone(id))
    if (newest !== undefined) this.#passOn(newest)
  }

  #passOnAll(): void {
    for (const task of this.#offers.values()) this.#passOn(task)
  }

  #passOn(task: TaskReference): void {
    this.#offers.delete(task.id)
    this.#parts.passOn(task)
  }
}
