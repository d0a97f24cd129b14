import { type Clock, coreErrors, systemClock, throwIfAborted, withAbort } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../checked.ts'
import { bridgeErrors } from '../errors.ts'
import { checkDispatch, checkGrace, checkServe, type Place } from './distribution-options.ts'
import type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ServeOptions,
  ServingHost,
} from './execution-distributor.ts'
import { answerOfFailure, type HostAnswer, readAnswer } from './host-answer.ts'
import { HostedExecutions } from './hosted-executions.ts'
import { createHostName, servingHost, shutdownAll } from './serving-host.ts'

export interface LocalDistributorOptions {
  /** Runs that end without an outcome, until the execution is given up. @defaultValue 10 */
  readonly maxAttempts?: number
  /** Executions with an outcome that are remembered. @defaultValue 10_000 */
  readonly retained?: number
  readonly clock?: Clock
}

const optionsSchema = z.strictObject({
  maxAttempts: z.number().int().min(1).default(10),
  retained: z.number().int().nonnegative().default(10_000),
  clock: z.custom<Clock>().default(systemClock),
})

/** One dispatched execution, however many wait for it. */
interface Job {
  readonly key: string
  readonly execution: DispatchedExecution
  readonly place: Place
  readonly answer: PromiseWithResolvers<HostAnswer>
  attempt: number
  /** The host that could not run it last. */
  failedOn?: string
}

/**
 * Hosts and dispatchers of one process. Nothing survives the process; the same promises hold as for the engines otherwise.
 * @throws INVALID_OPTIONS
 */
export function createLocalDistributor(options: LocalDistributorOptions = {}): ExecutionDistributor {
  return new LocalDistributor(checked('createLocalDistributor()', optionsSchema.safeParse(options)))
}

interface Host {
  readonly name: string
  readonly group: string
  readonly executions: HostedExecutions
}

class LocalDistributor implements ExecutionDistributor {
  readonly name = 'local'
  readonly #options: z.output<typeof optionsSchema>
  readonly #hosts = new Map<string, Host>()
  readonly #serving = new Set<ServingHost>()
  readonly #jobs = new Map<string, Job>()
  readonly #waiting = new Set<Job>()
  readonly #settled: string[] = []
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: z.output<typeof optionsSchema>) {
    this.#options = options
  }

  async dispatch(execution: DispatchedExecution, options: DispatchOptions = {}): Promise<DispatchedOutcome> {
    const place = checkDispatch(execution, options)
    throwIfAborted(options.signal, 'dispatch()')
    this.#assertOpen()
    const job = this.#jobFor(execution, place)
    const answer = withAbort(job.answer.promise, this.#closed.signal, 'dispatch()')
    try {
      return readAnswer(await withAbort(answer, options.signal, 'dispatch()'), execution.id)
    } catch (error) {
      if (coreErrors.CANCELLED.is(error) && options.signal?.aborted !== true) this.#assertOpen()
      throw error
    }
  }

  async serve(options: ServeOptions): Promise<ServingHost> {
    const { group, capacity, run, host } = checkServe(options)
    this.#assertOpen()
    return this.#serve(createHostName(host), group, { capacity, run })
  }

  async close(options: { graceMs?: number } = {}): Promise<void> {
    const grace = checkGrace('close()', options)
    this.#closing ??= this.#close(grace)
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #serve(name: string, group: string, { capacity, run }: Pick<ServeOptions, 'capacity' | 'run'>): ServingHost {
    const { clock } = this.#options
    const onChange = (): void => this.#assign()
    const executions = new HostedExecutions({ host: name, capacity, run, clock, onChange })
    const host = { name, group, executions }
    const serving = servingHost(name, executions, async (graceMs) => {
      this.#hosts.delete(name)
      this.#assign()
      await executions.drain(graceMs)
      this.#serving.delete(serving)
    })
    this.#hosts.set(name, host)
    this.#serving.add(serving)
    this.#assign()
    return serving
  }

  #jobFor(execution: DispatchedExecution, place: Place): Job {
    const key = JSON.stringify([place.group, place.host, execution.id])
    const known = this.#jobs.get(key)
    if (known !== undefined) return known
    const job: Job = { key, execution, place, answer: Promise.withResolvers<HostAnswer>(), attempt: 1 }
    this.#jobs.set(key, job)
    this.#waiting.add(job)
    this.#assign()
    return job
  }

  /** Gives what waits to hosts that have a place, in order. */
  #assign(): void {
    if (this.#closed.signal.aborted) return
    for (const job of this.#waiting) {
      const hosts = this.#hostsFor(job)
      const { host: wanted } = job.place
      if (wanted !== undefined && hosts.length === 0) this.#settle(job, { type: 'session-lost', host: wanted })
      const host = hosts.find(({ executions }) => executions.hasFreePlace)
      if (host === undefined) continue
      // first: taking the last place of a host comes back to this very loop
      this.#waiting.delete(job)
      void this.#run(job, host)
    }
  }

  /** The one that failed comes last, and only where there is no other. */
  #hostsFor({ place, failedOn }: Job): Host[] {
    const hosts = [...this.#hosts.values()].filter(
      ({ name, group }) => group === place.group && name === (place.host ?? name),
    )
    const others = hosts.filter(({ name }) => name !== failedOn)
    return others.length > 0 ? others : hosts
  }

  async #run(job: Job, { name: host, executions }: Host): Promise<void> {
    try {
      const admission = executions.tryAdmit(job.key)
      if (admission === undefined) throw bridgeErrors.HOST_DRAINED({ host })
      this.#settle(job, { type: 'outcome', host, ...(await admission.run(job.execution, job.attempt)) })
    } catch (error) {
      const { maxAttempts } = this.#options
      const answer = answerOfFailure(error, { host, attempt: job.attempt, maxAttempts })
      if (answer !== undefined) return this.#settle(job, answer)
      job.attempt++
      job.failedOn = host
      this.#waiting.add(job)
      this.#assign()
    }
  }

  #settle(job: Job, answer: HostAnswer): void {
    this.#waiting.delete(job)
    job.answer.resolve(answer)
    this.#settled.push(job.key)
    if (this.#settled.length <= this.#options.retained) return
    const oldest = this.#settled.shift()
    if (oldest !== undefined) this.#jobs.delete(oldest)
  }

  async #close(options: { graceMs?: number }): Promise<void> {
    this.#closed.abort()
    this.#waiting.clear()
    await shutdownAll(this.#serving, options)
    this.#jobs.clear()
  }

  /** @throws DISTRIBUTOR_CLOSED */
  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw bridgeErrors.DISTRIBUTOR_CLOSED({ distributor: this.name })
  }
}
