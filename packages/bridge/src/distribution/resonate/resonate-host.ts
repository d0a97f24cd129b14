import { sleep, withAbort, withDeadline } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import type { DurablePromiseStore } from '../../stores/durable-promise-store.ts'
import { recordOf } from '../../stores/resonate/resonate-record.ts'
import { createResonateStore } from '../../stores/resonate/resonate-store.ts'
import { encodeAnswer } from '../answer-text.ts'
import { checkExecution } from '../distribution-options.ts'
import type { ServeOptions, ServingHost } from '../execution-distributor.ts'
import { answerOfFailure, answerOfTooMany, type HostAnswer, reasonOf } from '../host-answer.ts'
import { type Admission, HostedExecutions } from '../hosted-executions.ts'
import { createHostName, servingHost } from '../serving-host.ts'
import { HeldLeases } from './held-leases.ts'
import {
  attemptPromise,
  dispatcherGroup,
  executionPromise,
  hostPromise,
  taskTags,
  workerGroup,
} from './resonate-names.ts'
import type { ResolvedResonateOptions } from './resonate-options.ts'
import { ResonateTasks, type TakenTask } from './resonate-tasks.ts'
import { createTaskNetwork, type TaskNetwork, type TaskReference } from './task-network.ts'
import { TaskOffers } from './task-offers.ts'

type HostOptions = ServeOptions & { readonly group: string }

/** Far enough that no host lives as long. */
const presenceMs = 10 * 365 * 24 * 60 * 60_000
const firstReleaseMs = 50
const longestReleaseMs = 2000
/** What is answered already, and the end of this host, get this long to reach the server. */
const flushMs = 5000

/** @throws DISTRIBUTOR_UNAVAILABLE */
export async function serveResonateHost(
  options: HostOptions,
  { closed: signal, ...resolved }: ResolvedResonateOptions & { readonly closed: AbortSignal },
  onShutdown: () => void,
): Promise<ServingHost> {
  const host = new ResonateHost(options, resolved)
  await host.start({ signal })
  return servingHost(host.name, host.executions, async (graceMs) => {
    await host.end(graceMs)
    onShutdown()
  })
}

class ResonateHost {
  readonly name: string
  readonly executions: HostedExecutions
  readonly #options: ResolvedResonateOptions
  readonly #group: string
  readonly #tasks: ResonateTasks
  readonly #network: TaskNetwork
  readonly #leases: HeldLeases
  readonly #offers: TaskOffers
  readonly #running = new Set<Promise<void>>()
  readonly #ended = new AbortController()
  /** From then on the server is asked for nothing. */
  readonly #cut = new AbortController()
  #presence: TaskReference
  #store: DurablePromiseStore | undefined

  constructor({ group, host, capacity, run }: HostOptions, resolved: ResolvedResonateOptions) {
    const { namespace, leaseMs, clock, unavailableAfterMs: retryMs } = resolved
    this.name = createHostName(host)
    this.#group = group
    this.#options = { ...resolved, logger: resolved.logger.child({ host: this.name }) }
    this.executions = new HostedExecutions({
      host: this.name,
      capacity,
      run,
      clock,
      onChange: () => this.#takeOffers(),
    })
    this.#network = createTaskNetwork(resolved, { group: workerGroup(namespace, group), pid: this.name })
    this.#tasks = new ResonateTasks({
      network: this.#network.network,
      pid: this.name,
      leaseMs,
      retryMs,
      clock,
      closed: this.#cut.signal,
    })
    this.#leases = new HeldLeases(this.#tasks, {
      leaseMs,
      clock,
      logger: this.#options.logger,
      onLapse: () => this.#track(this.#renewPresence()),
    })
    this.#offers = new TaskOffers({
      clock,
      isForAnyone: (id) => !this.#isOwn(id),
      passOn: (task) => this.#passOn(task),
    })
    this.#presence = { id: hostPromise(namespace, group, this.name), version: 1 }
  }

  /** Resolves when the server has this host on its list. */
  async start({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { clock, namespace, leaseMs, unavailableAfterMs: timeoutMs, logger } = this.#options
    const { id } = this.#presence
    const tags = taskTags(id, `poll://any@${dispatcherGroup(namespace)}`)
    await this.#tasks.create({ id, timeoutAt: clock.wallTimeMs() + presenceMs, tags }, { signal })
    this.#leases.hold(this.#presence)
    const connected = Promise.withResolvers<void>()
    this.#network.onTask = (task) => {
      this.#offers.add(task)
      this.#takeOffers()
    }
    this.#network.onReconnect = () => {
      connected.resolve()
      this.#track(this.#renewPresence())
    }
    this.#store = await createResonateStore({ network: this.#network.network, rewaitMs: leaseMs, clock })
    // it opens the stream of messages, and tells when somebody has declared this host lost
    void this.#store.wait(id).then(
      () => logger.error('this host was declared lost: its sessions get nothing more'),
      () => {},
    )
    const what = 'the stream of messages'
    await withDeadline(withAbort(connected.promise, signal, what), { clock, timeoutMs, what }).catch(async (error) => {
      await this.end(0)
      throw this.#unavailable(reasonOf(error))
    })
  }

  async end(graceMs: number): Promise<void> {
    // what is sent here until the end goes on to others
    this.#offers.refuse()
    await this.executions.drain(graceMs)
    this.#ended.abort()
    const { clock, logger } = this.#options
    const flush = clock.setTimer(flushMs, () => {
      this.#cut.abort()
      void this.#store?.close()
    })
    await Promise.all(this.#running)
    await this.#store?.close()
    this.#offers.close()
    await this.#tasks.fulfill(this.#presence, 'ended').catch((error: unknown) => {
      logger.warn('the server was not told of the end', { reason: reasonOf(error) })
    })
    flush.cancel()
    this.#cut.abort()
    this.#leases.close()
  }

  /** Whether it is for this host and no other. */
  #isOwn(id: string): boolean {
    return id.startsWith(executionPromise(this.#options.namespace, { group: this.#group, host: this.name }, ''))
  }

  /** After an outage of the server, or a pause of this process, the lease may be out. */
  async #renewPresence(): Promise<void> {
    const taken = await this.#tasks.acquire(this.#presence)
    if (taken === undefined) return
    this.#presence = taken.task
    this.#leases.hold(taken.task)
  }

  #takeOffers(): void {
    for (const task of this.#offers) {
      const admission = this.executions.tryAdmit(task.id)
      if (admission === undefined) return
      this.#offers.delete(task)
      this.#track(this.#take(task, admission))
    }
  }

  #track(work: Promise<void>): void {
    const noted = work.catch((error: unknown) => {
      this.#options.logger.warn('something was left to the server', { reason: reasonOf(error) })
    })
    this.#running.add(noted)
    void noted.finally(() => this.#running.delete(noted))
  }

  async #take(task: TaskReference, admission: Admission): Promise<void> {
    try {
      const taken = await this.#tasks.acquire(task)
      if (taken === undefined) return
      this.#leases.hold(taken.task)
      try {
        await this.#run(taken, admission)
      } finally {
        this.#leases.drop(taken.task)
      }
    } finally {
      admission.release()
    }
  }

  async #run({ task, promise }: TakenTask, admission: Admission): Promise<void> {
    const { param = '', timeoutAtMs } = recordOf(promise)
    const attempt = admission.joins ?? (await this.#countAttempt(task.id, timeoutAtMs))
    const answer = await this.#answer(param, attempt, admission)
    if (answer !== undefined) {
      await this.#tasks.fulfill(task, encodeAnswer(answer))
      return
    }
    const delayMs = Math.min(firstReleaseMs * 2 ** (attempt - 1), longestReleaseMs)
    await sleep(this.#options.clock, delayMs, { signal: this.#ended.signal }).catch(() => {})
    await this.#tasks.release(task)
  }

  /** Each attempt leaves a promise: the version of a task counts also those who took it and passed it on. */
  async #countAttempt(id: string, timeoutAtMs: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const marker = await this.#store?.create({
        id: attemptPromise(this.#options.namespace, id, attempt),
        timeoutAtMs,
      })
      if (marker?.created !== false) return attempt
    }
  }

  /** `undefined`: another attempt is due. */
  async #answer(param: string, attempt: number, admission: Admission): Promise<HostAnswer | undefined> {
    const { maxAttempts } = this.#options
    const { name: host } = this
    const tooMany = answerOfTooMany(attempt, maxAttempts)
    if (tooMany !== undefined) return tooMany
    try {
      return { type: 'outcome', host, ...(await admission.run(checkExecution(JSON.parse(param)), attempt)) }
    } catch (error) {
      return answerOfFailure(error, { host, attempt, maxAttempts })
    }
  }

  /** To whoever else takes it; what is for nobody else has lost its session. */
  #passOn(task: TaskReference): void {
    const passOn = async (): Promise<void> => {
      const taken = await this.#tasks.acquire(task)
      if (taken === undefined) return
      if (!this.#isOwn(task.id)) return this.#tasks.release(taken.task)
      await this.#tasks.fulfill(taken.task, encodeAnswer({ type: 'session-lost', host: this.name }))
    }
    this.#track(passOn())
  }

  #unavailable(reason: string): Error {
    return bridgeErrors.DISTRIBUTOR_UNAVAILABLE({ distributor: 'resonate', action: `serve as ${this.name}`, reason })
  }
}
