import type { Execution } from './execution.ts'
import { SafeSet } from './primordials.ts'

const { max } = Math
/** Unit: executions. Threat: a session whose cells each leave something that ends by itself. */
const sweepSize = 1024

/** Settled executions that have something pending: a timer, an await, a wait for the host. */
export class LateExecutions {
  readonly #executions = new SafeSet<Execution>()
  #sweepAt = sweepSize

  add(execution: Execution): void {
    this.#executions.add(execution)
    if (this.#executions.size < this.#sweepAt) return
    this.#executions.forEach((each) => {
      if (!each.hasPending) this.#executions.delete(each)
    })
    this.#sweepAt = max(sweepSize, this.#executions.size * 2)
  }

  /** `stop`: runs their `catch`, `finally` and abort listeners. */
  stopAll(stop: (execution: Execution) => void): void {
    this.#executions.forEach(stop)
    this.#executions.clear()
  }
}
