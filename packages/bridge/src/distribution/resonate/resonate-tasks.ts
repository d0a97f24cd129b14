import { type AbortOptions, type Clock, createRandomIds } from '@capsule/core'
import * as z from 'zod'
import { bridgeErrors } from '../../errors.ts'
import type { DurableRecord } from '../../stores/durable-promise-store.ts'
import {
  type ResonateNetwork,
  type ResonatePromise,
  resonateProtocolVersion,
  type ResonateRequest,
} from '../../stores/resonate/resonate-network.ts'
import { encodeValue, isResonatePromise, recordOf } from '../../stores/resonate/resonate-record.ts'
import { withRetries } from '../../stores/retries.ts'
import { reasonOf } from '../host-answer.ts'
import type { TaskReference } from './task-network.ts'

const promiseSchema = z.custom<ResonatePromise>(isResonatePromise)
const takenSchema = z.object({
  task: z.object({ id: z.string(), version: z.number() }),
  promise: promiseSchema,
})
const offeredSchema = z.object({ promise: promiseSchema })
export type TakenTask = z.output<typeof takenSchema>
const stateSchema = z.object({ task: z.object({ id: z.string(), version: z.number(), state: z.string() }) })

export type TaskState = TaskReference & { readonly state: string }

export interface ResonateTasksParts {
  readonly network: ResonateNetwork
  /** Whose leases they are. */
  readonly pid: string
  readonly leaseMs: number
  /** How long an answer is asked for. */
  readonly retryMs: number
  readonly clock: Clock
  /** Ends every request, and each later one at once. */
  readonly closed: AbortSignal
}

type RequestHead = ResonateRequest['head']
interface TaskRequest {
  readonly kind: string
  readonly data: object
}

/** The part of Resonate's protocol for those who run things: leases on promises that have a target. */
export class ResonateTasks {
  readonly #parts: ResonateTasksParts
  readonly #ids = createRandomIds()

  constructor(parts: ResonateTasksParts) {
    this.#parts = parts
  }

  /** A promise whose task its target is offered. Of one that is there already, what it is now. */
  async offer(
    { param, ...promise }: { id: string; timeoutAt: number; param: string; tags: Record<string, string> },
    options?: AbortOptions,
  ): Promise<DurableRecord> {
    const request = { ...promise, param: encodeValue(param, this.#ids.next('call')) }
    const { status, data } = await this.#send({ kind: 'promise.create', data: request }, options)
    if (status === 200) return recordOf(offeredSchema.parse(data).promise)
    throw refused(`offer ${promise.id}`, status)
  }

  /** A promise whose task is taken from the start. */
  async create(
    promise: { id: string; timeoutAt: number; tags: Record<string, string> },
    options?: AbortOptions,
  ): Promise<void> {
    const { pid, leaseMs: ttl } = this.#parts
    const data = { ...promise, param: encodeValue(undefined, this.#ids.next('call')) }
    const action = { kind: 'promise.create', head: this.#head(), data }
    const { status } = await this.#send({ kind: 'task.create', data: { pid, ttl, action } }, options)
    if (status !== 200) throw refused(`create ${promise.id}`, status)
  }

  /** Takes it for the length of the lease. `undefined`: it is taken, of another version, or over. */
  async acquire({ id, version }: TaskReference): Promise<TakenTask | undefined> {
    const { pid, leaseMs: ttl } = this.#parts
    const { status, data } = await this.#send({ kind: 'task.acquire', data: { id, version, pid, ttl } })
    return status === 200 ? takenSchema.parse(data) : undefined
  }

  /** `undefined`: there is none. */
  async get(id: string, options?: AbortOptions): Promise<TaskState | undefined> {
    const { status, data } = await this.#send({ kind: 'task.get', data: { id } }, options)
    return status === 200 ? stateSchema.parse(data).task : undefined
  }

  /** Settles its promise. `false`: the lease was lost, and somebody else decides. */
  async fulfill({ id, version }: TaskReference, value: string): Promise<boolean> {
    const settlement = { id, state: 'resolved', value: encodeValue(value, this.#ids.next('call')) }
    const action = { kind: 'promise.settle', head: this.#head(), data: settlement }
    const { status } = await this.#send({ kind: 'task.fulfill', data: { id, version, action } })
    return status === 200
  }

  /** Gives it back, for anyone to take. */
  async release({ id, version }: TaskReference): Promise<void> {
    await this.#send({ kind: 'task.release', data: { id, version } })
  }

  /** Renews leases. Those that are lost are passed over without a word. */
  async heartbeat(tasks: readonly TaskReference[]): Promise<void> {
    await this.#send({ kind: 'task.heartbeat', data: { pid: this.#parts.pid, tasks } }, { retryMs: 0 })
  }

  #head(): RequestHead {
    return { corrId: this.#ids.next('request'), version: resonateProtocolVersion }
  }

  /** @throws DISTRIBUTOR_UNAVAILABLE, STORE_UNAUTHORIZED */
  async #send(
    request: TaskRequest,
    { signal: given, retryMs = this.#parts.retryMs }: AbortOptions & { retryMs?: number } = {},
  ): Promise<{ status: number; data: unknown }> {
    const { clock, network, closed } = this.#parts
    const signal = given === undefined ? closed : AbortSignal.any([closed, given])
    const attempt = async (): Promise<{ status: number; data: unknown }> => {
      // the store's protocol has no tasks in its types; on the wire they are requests like all others
      const whole = { ...request, head: this.#head() } as unknown as ResonateRequest
      const { head, data } = await network.send(whole, { signal })
      if (head.status === 429 || head.status >= 500) throw new Error(`the server answered ${head.status}`)
      return { status: head.status, data }
    }
    try {
      return await withRetries({ clock, retryMs, call: { signal }, isTransient: () => true }, attempt)
    } catch (error) {
      const details = { distributor: 'resonate', action: request.kind, reason: reasonOf(error) }
      throw bridgeErrors.DISTRIBUTOR_UNAVAILABLE(details, { cause: error })
    }
  }
}

function refused(action: string, status: number): Error {
  const reason = `the server answered ${status}`
  return bridgeErrors.DISTRIBUTOR_UNAVAILABLE({ distributor: 'resonate', action, reason })
}
