import type { CapsuleError } from '@capsule/core'
import { sessionErrors } from './errors.ts'
import type { CellExecution } from './execution.ts'
import { outcomeErrorFrom } from './outcome.ts'
import type { RunningExecutions } from './running-executions.ts'

/** The executions that no worker has seen, in the order of their calls: they wait for their turn or for a worker. */
export class ExecutionQueue {
  readonly #maxQueued: number
  readonly #places: number
  // a Map keeps that order and gives up any of them at once
  readonly #waiting = new Map<string, CellExecution>()

  constructor({ maxQueued, maxConcurrentExecutions }: { maxQueued: number; maxConcurrentExecutions: number }) {
    this.#maxQueued = maxQueued
    this.#places = maxConcurrentExecutions
  }

  get size(): number {
    return this.#waiting.size
  }

  get first(): CellExecution | undefined {
    // most often none waits, and this is the hot path
    return this.#waiting.size === 0 ? undefined : this.#waiting.values().next().value
  }

  /** @throws SESSION_BUSY, SESSION_QUEUE_FULL */
  assertRoom(running: RunningExecutions | undefined, mayWait: boolean | undefined): void {
    // those that wait for a worker take a place as well
    if ((running?.size ?? 0) + this.size < this.#places) return
    const other = this.first ?? running?.oldest
    if (other === undefined) return
    if (!mayWait) throw sessionErrors.SESSION_BUSY({ executionId: other.executionId })
    if (this.size >= this.#maxQueued) throw sessionErrors.SESSION_QUEUE_FULL({ maxQueued: this.#maxQueued })
  }

  push(execution: CellExecution): void {
    this.#waiting.set(execution.executionId, execution)
  }

  shift(): CellExecution | undefined {
    const { first } = this
    if (first !== undefined) this.#waiting.delete(first.executionId)
    return first
  }

  delete(executionId: string): void {
    this.#waiting.delete(executionId)
  }

  /** Settles all of them as `cancelled`: the namespace that they were meant for is given up. */
  dropAll(): void {
    for (const execution of this.#waiting.values()) execution.drop('lost')
  }

  /** Settles all of them: no worker is going to come. */
  refuseAll(status: 'cancelled' | 'crashed', cause: CapsuleError | undefined): void {
    const facts = {
      ...(cause !== undefined && { error: outcomeErrorFrom(cause) }),
      ...(status === 'cancelled' && { cancelRung: 0 as const }),
    }
    for (const execution of this.#waiting.values()) execution.refuse(status, 'lost', facts)
  }
}
