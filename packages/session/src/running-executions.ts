import type { HostMessage } from '@capsule/protocol'
import type { CellExecution } from './execution.ts'
import type { WorkerDeath } from './exit-meaning.ts'

/** The executions on the wire, oldest first: those of callers, at most `limit`, or a warm-up. */
export class RunningExecutions {
  readonly #limit: number
  // a Map keeps the order of their starts
  readonly #byId = new Map<string, CellExecution>()
  /** The one started last; most often the only one, and then nothing else is looked up. */
  #latest: CellExecution | undefined

  constructor({ maxConcurrentExecutions }: { maxConcurrentExecutions: number }) {
    this.#limit = maxConcurrentExecutions
  }

  get size(): number {
    return this.#byId.size
  }

  get isFull(): boolean {
    return this.#byId.size >= this.#limit
  }

  get oldest(): CellExecution | undefined {
    return this.#byId.size === 0 ? undefined : this.#byId.values().next().value
  }

  /** What is printed with no known cause belongs to this one. */
  get latest(): CellExecution | undefined {
    return this.#latest
  }

  /** More than one has the thread: none may make it wait for a reader. */
  readonly areSeveral = (): boolean => this.#byId.size > 1

  find(executionId: string | undefined): CellExecution | undefined {
    if (this.#latest?.executionId === executionId) return this.#latest
    return executionId === undefined ? undefined : this.#byId.get(executionId)
  }

  add(execution: CellExecution): void {
    this.#byId.set(execution.executionId, execution)
    const before = this.#latest
    this.#latest = execution
    // from two on, the first may be what holds the thread up
    if (before !== undefined) for (const each of this.#byId.values()) each.shareThread()
  }

  /** `false`: it was not there. */
  delete(executionId: string): boolean {
    if (!this.#byId.delete(executionId)) return false
    if (this.#latest?.executionId === executionId) {
      this.#latest = this.#byId.size === 0 ? undefined : lastOf(this.#byId.values())
    }
    return true
  }

  /** Calls each that is there now: what is done to one may end it. */
  forEach(visit: (execution: CellExecution) => void): void {
    for (const execution of Array.from(this.#byId.values())) visit(execution)
  }

  /** Stops all, and resolves when they have settled. */
  async stopAll(graceMs: number, request: HostMessage): Promise<void> {
    const settlements: Promise<unknown>[] = []
    this.forEach((execution) => {
      // the worker stops all of them for one request, and takes the others for the same wish
      execution.stop('cancelled', graceMs, request)
      settlements.push(execution.settlement)
    })
    await Promise.all(settlements)
  }

  /** Stops all: no namespace will be left of what they ran in. */
  endAll(graceMs: number): void {
    this.forEach((execution) => execution.end(graceMs))
  }

  /** The worker is going to be killed because of one: nobody meant the others. */
  killBeside(executionId: string): void {
    const why = `${executionId}, which ran beside it, did not end within its grace`
    this.forEach((execution) => execution.kill(why, 'crashed'))
  }

  workerDied(death: WorkerDeath, options: { isRecovering: boolean }): void {
    this.forEach((execution) => execution.workerDied(death, options))
  }
}

function lastOf<T>(values: Iterable<T>): T | undefined {
  let last: T | undefined
  for (const value of values) last = value
  return last
}
