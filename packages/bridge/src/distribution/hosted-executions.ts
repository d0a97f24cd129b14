import { type Clock, coreErrors, withDeadline } from '@capsule/core'
import { bridgeErrors } from '../errors.ts'
import type { DispatchedExecution, ExecutionResult, RunExecution } from './execution-distributor.ts'
import { type FreePlace, Places } from './places.ts'

export interface HostedExecutionsOptions {
  readonly host: string
  readonly capacity: number
  readonly run: RunExecution
  readonly clock: Clock
  /** There is a place where there was none, or the other way round. */
  readonly onChange: () => void
}

export interface HostedOutcome extends ExecutionResult {
  /** The one that ran: an engine that lost its connection may have counted on. */
  readonly attempt: number
}

/** The right to run one execution here. It is used once or given back. */
export interface Admission {
  /** The attempt that runs here already, or has an outcome: this admission joins it, and is no attempt of its own. */
  readonly joins: number | undefined
  /** @throws what the host's `run` rejects with, HOST_DRAINED */
  run(execution: DispatchedExecution, attempt: number): Promise<HostedOutcome>
  /** Gives it back. Of one that is used nothing happens. */
  readonly release: () => void
}

/**
 * The executions of one worker host: never more than its capacity, and each once. An engine that was restarted asks again
 * for what runs already; it joins that run, or gets the outcome that it did not hear.
 */
export class HostedExecutions {
  readonly #options: HostedExecutionsOptions
  readonly #places: Places
  /** Those that run, and the last that have an outcome: as many as one loss of the connection can hide. */
  readonly #runs = new Map<string, { readonly attempt: number; readonly outcome: Promise<HostedOutcome> }>()
  readonly #settled: string[] = []
  readonly #ended = new AbortController()
  #running = 0
  #drained: Promise<void> | undefined

  constructor(options: HostedExecutionsOptions) {
    this.#options = options
    this.#places = new Places(options.capacity, options.onChange)
  }

  get running(): number {
    return this.#running
  }
  get hasFreePlace(): boolean {
    return this.#places.hasFree
  }

  /** `id`: one for each execution, whatever the engine calls it. `undefined`: no place is free. */
  tryAdmit(id: string): Admission | undefined {
    return this.#joining(id) ?? this.#admission(id, this.#places.tryTake())
  }

  /** Waits for a place. `undefined`: the host shuts down. */
  async admit(id: string): Promise<Admission | undefined> {
    return this.#joining(id) ?? this.#admission(id, await this.#places.take())
  }

  /** Admits nothing more and waits for what runs. After the grace its signal fires, and no outcome of it counts. */
  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs)
    return this.#drained
  }

  #joining(id: string): Admission | undefined {
    const run = this.#runs.get(id)
    return run && { joins: run.attempt, run: () => run.outcome, release: () => {} }
  }

  #admission(id: string, free: FreePlace | undefined): Admission | undefined {
    if (free === undefined) return undefined
    let isGivenBack = false
    let isUsed = false
    return {
      joins: undefined,
      release: () => {
        isGivenBack = true
        if (!isUsed) free()
      },
      run: (execution, attempt) => {
        if (isGivenBack) return Promise.reject(bridgeErrors.HOST_DRAINED({ host: this.#options.host }))
        isUsed = true
        // another may have begun it since this one was admitted
        const known = this.#runs.get(id)
        if (known === undefined) return this.#start(id, { attempt, outcome: this.#run(execution, attempt) }, free)
        free()
        return known.outcome
      },
    }
  }

  #start(
    id: string,
    run: { readonly attempt: number; readonly outcome: Promise<HostedOutcome> },
    free: FreePlace,
  ): Promise<HostedOutcome> {
    this.#running++
    this.#runs.set(id, run)
    const settle = (isDone: boolean): void => {
      this.#running--
      // one that failed is the engine's to try again, here too
      if (isDone) this.#remember(id)
      else this.#runs.delete(id)
      free()
    }
    run.outcome.then(
      () => settle(true),
      () => settle(false),
    )
    return run.outcome
  }

  async #run(execution: DispatchedExecution, attempt: number): Promise<HostedOutcome> {
    const { signal } = this.#ended
    const result = await this.#options.run(execution, attempt, { signal })
    // it was stopped by this host's end and not by itself
    if (signal.aborted) throw bridgeErrors.HOST_DRAINED({ host: this.#options.host })
    return { ...result, attempt }
  }

  #remember(id: string): void {
    this.#settled.push(id)
    if (this.#settled.length <= 2 * this.#options.capacity) return
    const oldest = this.#settled.shift()
    if (oldest !== undefined) this.#runs.delete(oldest)
  }

  async #drain(graceMs: number): Promise<void> {
    const emptied = this.#places.close()
    const { clock } = this.#options
    try {
      await withDeadline(emptied, { clock, timeoutMs: graceMs, what: 'draining' })
    } catch (error) {
      if (!coreErrors.TIMED_OUT.is(error)) throw error
      this.#ended.abort(bridgeErrors.HOST_DRAINED({ host: this.#options.host }))
      await emptied
    }
  }
}
