import { type Clock, sleep, throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import type { Bridge } from '../bridge.ts'
import { bridgeErrors } from '../errors.ts'
import { Lease } from './lease.ts'
import type { DurableRecord } from '../stores/durable-promise-store.ts'

/** One try of one execution, by this host. */
export interface Attempt {
  readonly n: number
  readonly lease: Lease | undefined
}

interface KnownAttempt {
  readonly n: number
  readonly record: DurableRecord
}

/**
 * Which try of an execution is whose. The promise of attempt n + 1 can be created once: whoever does has taken over from
 * attempt n, whose owner finds it and stops. They stay pending as long as the execution, so that retention cannot take one away.
 */
export class Attempts {
  readonly #bridge: Bridge
  readonly #leaseMs: number

  constructor(bridge: Bridge, leaseMs: number) {
    this.#bridge = bridge
    this.#leaseMs = leaseMs
  }

  /**
   * Resolves when this host may run it: at once, or when the host that ran it is known to be gone. `undefined`: it is settled,
   * and this host has not been told yet.
   */
  async claim(key: string, execution: DurableRecord, signal: AbortSignal): Promise<Attempt | undefined> {
    const { store, ids, clock } = this.#bridge
    const { shared } = store.capabilities
    const { timeoutAtMs } = execution
    const leaseMs = this.#leaseMs
    const param = JSON.stringify({ owner: this.#bridge.incarnation, leaseMs } satisfies Owner)
    for (let last = await this.#last(key); ;) {
      // of a store of its own every former owner was a process that is gone, or an attempt here that has ended
      if (last !== undefined && shared && !this.#isOwn(last)) await this.#ownerGone(key, last, signal)
      throwIfAborted(signal, `the claim of ${key}`)
      const n = (last?.n ?? 0) + 1
      const startedMs = clock.now()
      const { record, created } = await store.create({ id: ids.attempt(key, n), timeoutAtMs, param })
      if (!created) last = { n, record }
      else if (!shared || n === 1 || (await this.#isPending(execution))) {
        if (n > 1) this.#bridge.count('takenOver')
        return { n, lease: shared ? new Lease(this.#bridge, { key, n, record, leaseMs, startedMs }) : undefined }
      } else {
        await store.settle({ id: record.id, state: 'resolved' })
        return undefined
      }
    }
  }

  /** Its former owner gives its lease back after it has recorded an outcome, and this may be heard of first. */
  async #isPending({ id }: DurableRecord): Promise<boolean> {
    return (await this.#bridge.store.get(id))?.state === 'pending'
  }

  /** The execution is settled: its attempts need not wait for their time limit. */
  async forget(key: string, { n }: Attempt): Promise<void> {
    const { store, ids } = this.#bridge
    const numbers = Array.from({ length: n }, (_, at) => at + 1)
    await Promise.all(numbers.map((each) => store.settle({ id: ids.attempt(key, each), state: 'resolved' })))
  }

  async #last(key: string): Promise<KnownAttempt | undefined> {
    const { store, ids } = this.#bridge
    let last: KnownAttempt | undefined
    for (let n = 1; ; n++) {
      const record = await store.get(ids.attempt(key, n))
      if (record === undefined) return last
      last = { n, record }
    }
  }

  #isOwn({ record }: KnownAttempt): boolean {
    return ownerOf(record).owner === this.#bridge.incarnation
  }

  /** Resolves when no lease of it holds. */
  async #ownerGone(key: string, last: KnownAttempt, signal: AbortSignal): Promise<void> {
    const { clock } = this.#bridge
    for (;;) {
      const lease = await this.#heldLease(key, last)
      if (lease === undefined) return
      const ended = new AbortController()
      const either = AbortSignal.any([signal, ended.signal])
      try {
        const leftMs = lease.untilMs - clock.wallTimeMs()
        const waits = lease.id === undefined ? [] : [this.#ended(lease.id, either)]
        // one that is released is told by the store; one that ends, also by this clock
        await Promise.race([sleep(clock, Math.max(0, leftMs), { signal: either }), ...waits])
      } finally {
        ended.abort()
      }
    }
  }

  /** Resolves when the lease is released, or the store has forgotten it since. */
  async #ended(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#bridge.store.wait(id, { signal })
    } catch (error) {
      if (!bridgeErrors.PROMISE_NOT_FOUND.is(error)) throw error
    }
  }

  /** The one that holds longest; undefined: none does. */
  async #heldLease(key: string, { n, record }: KnownAttempt): Promise<{ id?: string; untilMs: number } | undefined> {
    const { store, ids, clock } = this.#bridge
    // its owner may count in another
    const { leaseMs = this.#leaseMs } = ownerOf(record)
    const found = await Promise.all(
      slotsAround(clock, record.createdAtMs, leaseMs).map((k) => store.get(ids.lease(key, n, k))),
    )
    const leases = found.filter((each) => each !== undefined)
    const held = leases.filter((each) => each.state === 'pending' && each.timeoutAtMs > clock.wallTimeMs())
    const longest = held.sort((a, b) => a.timeoutAtMs - b.timeoutAtMs).at(-1)
    if (longest !== undefined) return { id: longest.id, untilMs: longest.timeoutAtMs }
    // its owner may not have come to its first lease
    const untilMs = record.createdAtMs + leaseMs
    return leases.length === 0 && untilMs > clock.wallTimeMs() ? { untilMs } : undefined
  }
}

/** What an attempt's promise says of whose it is. */
interface Owner {
  readonly owner: string
  readonly leaseMs: number
}

const ownerSchema = z.object({ owner: z.string(), leaseMs: z.number().positive() }).partial()

function ownerOf({ param = '' }: DurableRecord): z.output<typeof ownerSchema> {
  try {
    return ownerSchema.parse(JSON.parse(param))
  } catch {
    // it was not made by a host
    return {}
  }
}

/** Leases are numbered by time, so that the present one is found without walking past all before. */
function slotsAround(clock: Clock, startedAtMs: number, leaseMs: number): number[] {
  const renewMs = leaseMs / 3
  const agoMs = clock.wallTimeMs() - startedAtMs
  const first = Math.max(0, Math.floor((agoMs - 2 * leaseMs) / renewMs))
  const last = Math.max(0, Math.floor((agoMs + leaseMs) / renewMs))
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}
