import { createRandomIds, isCapsuleError, throwIfAborted } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import type { DurablePromiseStore, DurableRecord } from '../../stores/durable-promise-store.ts'
import { createResonateStore } from '../../stores/resonate/resonate-store.ts'
import { decodeAnswer, encodeAnswer } from '../answer-text.ts'
import { checkDispatch, checkGrace, checkServe, type Place } from '../distribution-options.ts'
import type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ServeOptions,
  ServingHost,
} from '../execution-distributor.ts'
import { readAnswer } from '../host-answer.ts'
import { ServedHosts } from '../served-hosts.ts'
import { declareLost } from './host-watch.ts'
import { serveResonateHost } from './resonate-host.ts'
import { dispatcherGroup, executionPromise, hostPromise, targetOf, taskTags } from './resonate-names.ts'
import {
  type ResolvedResonateOptions,
  type ResonateDistributorOptions,
  resolveResonateOptions,
} from './resonate-options.ts'
import { ResonateTasks } from './resonate-tasks.ts'
import { createTaskNetwork, type TaskReference } from './task-network.ts'

/**
 * Executions over a Resonate server: each is a durable promise with a worker group, or one worker, as its target.
 * @throws INVALID_OPTIONS
 */
export function createResonateDistributor(options: ResonateDistributorOptions = {}): ExecutionDistributor {
  return new ResonateDistributor(resolveResonateOptions(options))
}

class ResonateDistributor implements ExecutionDistributor {
  readonly name = 'resonate'
  readonly #options: ResolvedResonateOptions
  readonly #store: Promise<DurablePromiseStore>
  readonly #tasks: ResonateTasks
  readonly #serving = new ServedHosts()
  /** One for each dispatch that waits. */
  readonly #waiting = new Set<AbortController>()
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: ResolvedResonateOptions) {
    this.#options = options
    const { namespace, clock, leaseMs, unavailableAfterMs: retryMs } = options
    const pid = createRandomIds().next('dispatcher')
    const tasks = createTaskNetwork(options, { group: dispatcherGroup(namespace), pid })
    tasks.onTask = (presence) => void this.#declareLost(presence).catch(() => {})
    // waiting itself would go on for ever
    tasks.onSilence = (reason) => {
      for (const over of this.#waiting) over.abort(new Error(reason))
    }
    const { signal: closed } = this.#closed
    this.#tasks = new ResonateTasks({ network: tasks.network, pid, leaseMs, retryMs, clock, closed })
    this.#store = createResonateStore({ network: tasks.network, retryMs, clock })
  }

  async dispatch(execution: DispatchedExecution, options: DispatchOptions = {}): Promise<DispatchedOutcome> {
    const place = checkDispatch(execution, options)
    throwIfAborted(options.signal, 'dispatch()')
    this.#assertOpen()
    const over = new AbortController()
    this.#waiting.add(over)
    const signal = AbortSignal.any([this.#closed.signal, over.signal, ...(options.signal ? [options.signal] : [])])
    try {
      return this.#read(await this.#settled(execution, place, signal), execution.id)
    } catch (error) {
      throwIfAborted(options.signal, 'dispatch()')
      this.#assertOpen()
      throw this.#unavailable(execution.id, over.signal.aborted ? over.signal.reason : error)
    } finally {
      this.#waiting.delete(over)
      over.abort()
    }
  }

  async serve(options: ServeOptions): Promise<ServingHost> {
    const checkedOptions = checkServe(options)
    this.#assertOpen()
    const resolved = { ...this.#options, closed: this.#closed.signal }
    try {
      return await this.#serving.add((onEnded) => serveResonateHost(checkedOptions, resolved, onEnded))
    } catch (error) {
      this.#assertOpen()
      throw error
    }
  }

  async close(options: { graceMs?: number } = {}): Promise<void> {
    const grace = checkGrace('close()', options)
    this.#closing ??= this.#close(grace)
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #settled(execution: DispatchedExecution, place: Place, signal: AbortSignal): Promise<DurableRecord> {
    const { namespace, expiresAfterMs, clock } = this.#options
    const store = await this.#store
    const id = executionPromise(namespace, place, execution.id)
    const timeoutAt = clock.wallTimeMs() + expiresAfterMs
    const tags = taskTags(id, targetOf(namespace, place))
    const record = await this.#tasks.offer({ id, timeoutAt, param: JSON.stringify(execution), tags }, { signal })
    if (record.state !== 'pending') return record
    const settled = store.wait(id, { signal })
    if (place.host === undefined) return settled
    // the loser is aborted with the dispatch
    settled.catch(() => {})
    const lost = this.#hostEnd(place.group, place.host, signal)
    lost.catch(() => {})
    await Promise.race([settled, lost])
    // nobody else will settle it: whoever is first decides, the host's last word included
    const value = encodeAnswer({ type: 'session-lost', host: place.host })
    return (await store.settle({ id, state: 'resolved', value }, { signal })).record
  }

  /** Resolves when the host is lost, has ended, or was never there. */
  async #hostEnd(group: string, host: string, signal: AbortSignal): Promise<void> {
    const store = await this.#store
    const id = hostPromise(this.#options.namespace, group, host)
    const presence = await this.#tasks.get(id, { signal })
    if (presence === undefined || presence.state === 'fulfilled') return
    // its lease ran out while no dispatcher was there to be told
    if (presence.state === 'pending') await this.#declareLost(presence)
    await store.wait(id, { signal })
  }

  #declareLost(presence: TaskReference): Promise<void> {
    const { clock, leaseMs: graceMs } = this.#options
    return declareLost(this.#tasks, presence, { clock, graceMs, signal: this.#closed.signal })
  }

  #read({ state, value }: DurableRecord, executionId: string): DispatchedOutcome {
    if (state === 'resolved' && value !== undefined) return readAnswer(decodeAnswer(value), executionId)
    const { expiresAfterMs } = this.#options
    throw new Error(state === 'timedout' ? `it had no outcome after ${expiresAfterMs} ms` : `its promise is ${state}`)
  }

  async #close(options: { graceMs?: number }): Promise<void> {
    this.#closed.abort()
    try {
      await this.#serving.shutdown(options)
    } finally {
      await (await this.#store).close()
    }
  }

  #unavailable(id: string, error: unknown): unknown {
    const isTold =
      bridgeErrors.SESSION_HOST_LOST.is(error) ||
      bridgeErrors.EXECUTION_ABANDONED.is(error) ||
      bridgeErrors.DISTRIBUTOR_UNAVAILABLE.is(error)
    if (isTold) return error
    const reason = isCapsuleError(error) || error instanceof Error ? error.message : String(error)
    return bridgeErrors.DISTRIBUTOR_UNAVAILABLE(
      { distributor: this.name, action: `run ${id}`, reason },
      { cause: error },
    )
  }

  /** @throws DISTRIBUTOR_CLOSED */
  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw bridgeErrors.DISTRIBUTOR_CLOSED({ distributor: this.name })
  }
}
