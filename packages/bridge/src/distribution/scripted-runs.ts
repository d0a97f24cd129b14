import { type Channel, createChannel, systemClock, withDeadline } from '@capsule/core'
import type { Outcome } from '@capsule/session'
import type { DispatchedExecution, ExecutionResult, RunExecution } from './execution-distributor.ts'

/** A run that has begun, and that ends when the test says so. */
export interface ScriptedRun {
  readonly execution: DispatchedExecution
  readonly attempt: number
  readonly host: string
  readonly signal: AbortSignal
  succeed(value?: unknown): void
  settle(result: ExecutionResult): void
  fail(error: Error): void
}

const deadlineMs = 12_000

export function resultOf(executionId: string, value?: unknown): ExecutionResult {
  const output: Outcome['output'] = { bytes: 0, droppedBytes: 0, droppedChunks: 0 }
  const outcome: Outcome = { executionId, status: 'ok', state: 'kept', value, durationMs: 1, output }
  return { outcome, stdout: `${executionId} says hi\n`, stderr: '' }
}

/** The runs of all hosts of a test, in the order in which they begin. */
export class ScriptedRuns {
  readonly all: ScriptedRun[] = []
  readonly #started: Channel<ScriptedRun> = createChannel()
  readonly #open = new Map<string, number>()

  /** How many run on that host. */
  openOn(host: string): number {
    return this.#open.get(host) ?? 0
  }

  /** The next one to begin. @throws TIMED_OUT */
  async next(): Promise<ScriptedRun> {
    const next = this.#started.next()
    const { value } = await withDeadline(next, { clock: systemClock, timeoutMs: deadlineMs, what: 'a run to begin' })
    if (value === undefined) throw new Error('no more runs')
    return value
  }

  /** What a host is given as its `run`. */
  on(host: string): RunExecution {
    return (execution, attempt, { signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<ExecutionResult>()
      const settle = (end: () => void) => (): void => {
        this.#open.set(host, this.openOn(host) - 1)
        end()
      }
      const run: ScriptedRun = {
        execution,
        attempt,
        host,
        signal,
        succeed: (value) => settle(() => resolve(resultOf(execution.id, value)))(),
        settle: (result) => settle(() => resolve(result))(),
        fail: (error) => settle(() => reject(error))(),
      }
      this.#open.set(host, this.openOn(host) + 1)
      this.all.push(run)
      this.#started.push(run)
      return promise
    }
  }
}
