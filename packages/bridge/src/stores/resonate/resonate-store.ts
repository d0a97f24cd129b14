import { type Clock, systemClock } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../../checked.ts'
import { bridgeErrors } from '../../errors.ts'
import type { DurablePromiseStore, SettleDurablePromise, StoreCapabilities } from '../durable-promise-store.ts'
import { checkCreate, checkId, checkSettle } from '../store-calls.ts'
import { objectSchema } from '../store-options.ts'
import { ResonateCalls } from './resonate-calls.ts'
import type { ResonateMessage, ResonateNetwork, ResonatePromise } from './resonate-network.ts'
import { encodeTags, encodeValue, isOfCall, isResonatePromise, recordOf } from './resonate-record.ts'
import { StoreWaits } from '../store-waits.ts'

export interface ResonateStoreOptions {
  /** Any `Network` of `@resonatehq/sdk` 0.11.5; the store starts and stops it. */
  readonly network: ResonateNetwork
  /** @defaultValue `{ name: 'resonate', persistent: true, shared: true, enforcesTimeouts: true }` */
  readonly capabilities?: Partial<StoreCapabilities>
  /** For how long a call is tried again while there is no answer, in milliseconds. @defaultValue 10 000 */
  readonly retryMs?: number
  /**
   * How often each wait is registered again, in milliseconds; with many waits less often. `Infinity` for a network that loses no
   * message. @defaultValue 1000
   */
  readonly rewaitMs?: number
  readonly clock?: Clock
}

const optionsSchema = z.strictObject({
  network: objectSchema<ResonateNetwork>(),
  capabilities: z
    .strictObject({
      name: z.string().default('resonate'),
      persistent: z.boolean().default(true),
      shared: z.boolean().default(true),
      enforcesTimeouts: z.boolean().default(true),
    })
    .prefault({}),
  retryMs: z.number().nonnegative().default(10_000),
  rewaitMs: z.union([z.number().min(10), z.literal(Infinity)]).default(1000),
  clock: objectSchema<Clock>().default(systemClock),
})

const stateNames = {
  resolved: 'resolved',
  rejected: 'rejected',
  canceled: 'rejected_canceled',
} as const satisfies Record<SettleDurablePromise['state'], ResonatePromise['state']>

/** Promises behind Resonate's protocol. @throws INVALID_OPTIONS, and what `network.init()` rejects with */
export async function createResonateStore(options: ResonateStoreOptions): Promise<DurablePromiseStore> {
  const parsed = checked('createResonateStore()', optionsSchema.safeParse(options))
  const store = new ResonateStore(parsed)
  try {
    await store.start()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

class ResonateStore implements DurablePromiseStore {
  readonly capabilities: StoreCapabilities
  readonly #network: ResonateNetwork
  readonly #calls: ResonateCalls
  readonly #waits: StoreWaits
  #closing: Promise<void> | undefined

  constructor({ network, capabilities, retryMs, rewaitMs, clock }: z.output<typeof optionsSchema>) {
    this.capabilities = Object.freeze(capabilities)
    this.#network = network
    this.#calls = new ResonateCalls({ network, name: capabilities.name, clock, retryMs })
    const register = async (awaited: string) => {
      const data = { awaited, address: network.unicast }
      // its waits try again on their own
      return recordOf(await this.#calls.promise('wait', { kind: 'promise.register_listener', data }, { retryMs: 0 }))
    }
    this.#waits = new StoreWaits({ clock, rewaitMs, register })
  }

  async start(): Promise<void> {
    this.#network.recv((message) => this.#onMessage(message))
    this.#network.onGap?.(() => this.#waits.registerAll())
    await this.#network.init()
  }

  async create(...[promise, options]: Parameters<DurablePromiseStore['create']>) {
    const { given, signal } = checkCreate(promise, options)
    const { id, timeoutAtMs: timeoutAt, param, tags } = given
    const token = this.#calls.nextToken()
    const data = { id, timeoutAt, param: encodeValue(param, token), tags: encodeTags(tags) }
    const kept = await this.#calls.promise('create', { kind: 'promise.create', data }, { signal })
    const record = recordOf(kept)
    this.#waits.tell(record)
    return { record, created: isOfCall(kept.param, token) }
  }

  async get(...[id, options]: Parameters<DurablePromiseStore['get']>) {
    const signal = checkId('get()', id, options)
    try {
      const record = recordOf(await this.#calls.promise('get', { kind: 'promise.get', data: { id } }, { signal }))
      this.#waits.tell(record)
      return record
    } catch (error) {
      if (bridgeErrors.PROMISE_NOT_FOUND.is(error)) return undefined
      throw error
    }
  }

  async settle(...[settlement, options]: Parameters<DurablePromiseStore['settle']>) {
    const { given, signal } = checkSettle(settlement, options)
    const { id, state, value } = given
    const token = this.#calls.nextToken()
    const data = { id, state: stateNames[state], value: encodeValue(value, token) }
    const kept = await this.#calls.promise('settle', { kind: 'promise.settle', data }, { signal })
    const record = recordOf(kept)
    // before any message: what was settled here is known here
    this.#waits.tell(record)
    return { record, applied: isOfCall(kept.value, token) }
  }

  async wait(...[id, options]: Parameters<DurablePromiseStore['wait']>) {
    const signal = checkId('wait()', id, options)
    if (this.#closing !== undefined) throw this.#closed()
    return this.#waits.add(id, { signal })
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #stop(): Promise<void> {
    this.#calls.close()
    this.#waits.close(this.#closed())
    await this.#network.stop()
  }

  #closed() {
    return bridgeErrors.STORE_CLOSED({ store: this.capabilities.name })
  }

  #onMessage({ kind, data }: ResonateMessage): void {
    const { promise } = (data ?? {}) as { promise?: unknown }
    if (kind === 'unblock' && isResonatePromise(promise)) this.#waits.tell(recordOf(promise))
  }
}
