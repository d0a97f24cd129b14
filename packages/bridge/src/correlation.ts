import { type AbortOptions, type CapsuleError, type Clock, coreErrors, type Timer } from '@capsule/core'
import type { Counting } from './bridge-figures.ts'
import { bridgeErrors } from './errors.ts'
import { openSettlement, recordableError, sealSettlement, type Settlement, valueOf } from './settlement.ts'
import type { CreateDurablePromise, DurablePromiseStore, DurableRecord } from './stores/durable-promise-store.ts'

/** The promise as the store had it when this host came. */
export interface FoundPromise {
  readonly record: DurableRecord
  /** This host made it. */
  readonly created: boolean
}

export interface CorrelationRequest<T> {
  readonly id: string
  /** What it stands for; a promise of this id with another param stands for something else. */
  readonly param: string
  /** From the first creation on, by whichever host. */
  readonly timeoutMs: number
  /** Whether what is recorded is such a value: others may have written it. */
  readonly isValue: (value: unknown) => value is T
  /** Told when the param is another. */
  readonly conflict: (recordedParam: string) => CapsuleError
  /** Whether this host is to send; asked again after LEASE_LOST. @defaultValue when it made the promise, and once only */
  readonly claim?: ((found: FoundPromise, signal: AbortSignal) => Promise<boolean>) | undefined
  /** Does what the promise stands for. Without it others settle the promise. */
  readonly send?: ((signal: AbortSignal) => Promise<T>) | undefined
  /** After such a failure the promise stays as it is, for another try. @defaultValue never: failures are recorded */
  readonly isRetriable?: ((error: unknown) => boolean) | undefined
  /** It is settled in the store. */
  readonly onSettled?: (() => void) | undefined
  /** Nothing of it goes on here any more. */
  readonly onEnded?: (() => void) | undefined
}

export interface CorrelationPorts {
  readonly store: DurablePromiseStore
  readonly clock: Clock
  readonly counters: Counting
  /** From the deadline here to the one in the store. */
  readonly storeGraceMs: number
  readonly maxValueBytes: number
  /** The store had it settled. */
  readonly replayed: () => void
  /** Nobody waits for it any more: it is settled (with this record), or was left. */
  readonly closed: (settled: DurableRecord | undefined) => void
}

type State<T> =
  | { readonly name: 'pending' }
  | { readonly name: 'settled'; readonly settlement: Settlement<T> }
  /** In the store it is as it was. */
  | { readonly name: 'left' }

/**
 * One durable promise and those here who wait for it. It is created, then sent if it is this host's to send, then settled
 * in the store, and only then told: at once, without the store's own notification.
 */
export class Correlation<T> {
  readonly request: CorrelationRequest<T>
  /** Nothing of it goes on here any more. Never rejects. */
  readonly ended: Promise<void>
  readonly #ports: CorrelationPorts
  readonly #created: Promise<FoundPromise>
  readonly #controller = new AbortController()
  readonly #waiters = new Set<PromiseWithResolvers<T>>()
  #state: State<T> = { name: 'pending' }
  #deadline: Timer
  #timeoutMs: number
  /** The time that this caller gave was over before the store had answered. */
  #isOverdue = false
  /** A claim, a send or a wait of this host is under way. */
  #isAtWork = true

  constructor(request: CorrelationRequest<T>, ports: CorrelationPorts) {
    this.request = request
    this.#ports = ports
    const { id, param, timeoutMs } = request
    // a store takes whole ones
    const timeoutAtMs = Math.ceil(ports.clock.wallTimeMs() + timeoutMs + ports.storeGraceMs)
    this.#timeoutMs = timeoutMs
    this.#deadline = ports.clock.setTimer(timeoutMs, () => void this.#timeOut())
    this.#created = this.#create({ id, param, timeoutAtMs })
    this.ended = this.#run()
  }

  get isPending(): boolean {
    return this.#state.name === 'pending'
  }

  /** What the promise stands for, as the store has it. Rejects as its creation does. */
  async recordedParam(): Promise<string> {
    return (await this.#created).record.param ?? ''
  }

  /** Settles as the promise does. When the last who waits gives up, what was sent is stopped and nothing is recorded. */
  async join({ signal }: AbortOptions = {}): Promise<T> {
    const waiter = Promise.withResolvers<T>()
    const { id } = this.request
    const onAbort = (): void => {
      waiter.reject(coreErrors.CANCELLED({ what: `waiting for ${id}` }, { cause: signal?.reason }))
      this.#waiters.delete(waiter)
      if (this.#waiters.size === 0) this.leave(coreErrors.CANCELLED({ what: id }))
    }
    this.#waiters.add(waiter)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await waiter.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** From outside of what was sent: of all that settle it, the first decides. Waits for a creation under way. */
  async settle(settlement: Settlement<T>): Promise<{ record: DurableRecord; applied: boolean }> {
    const { store, maxValueBytes } = this.#ports
    const sealed = sealSettlement(this.request.id, settlement, maxValueBytes)
    await this.#created
    const { record, applied } = await store.settle(sealed)
    this.#finish(applied ? settlement : this.#open(record), record)
    return { record, applied }
  }

  /** Those who wait are told this; what was sent is stopped, and the promise stays as it is in the store. */
  leave(error: CapsuleError): void {
    if (this.#state.name !== 'pending') return
    this.#state = { name: 'left' }
    this.#ports.counters.left++
    this.#deadline.cancel()
    this.#controller.abort(error)
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#ports.closed(undefined)
  }

  async #create(promise: CreateDurablePromise): Promise<FoundPromise> {
    const found = await this.#ports.store.create(promise)
    this.#ports.counters[found.created ? 'created' : 'joined']++
    return found
  }

  async #run(): Promise<void> {
    try {
      const found = await this.#created
      const { record, created } = found
      if (record.param !== this.request.param) throw this.request.conflict(record.param ?? '')
      if (record.state !== 'pending') {
        if (record.state === 'resolved') this.#ports.replayed()
        return this.#finish(this.#open(record), record)
      }
      if (this.#state.name !== 'pending') return
      if (!created) this.#followDeadline(record)
      else if (this.#isOverdue) return
      const told = this.#watch(found)
      // while this host sends, it learns at the end what the store has
      told.catch(() => {})
      if (!(await this.#perform(found))) await told
    } catch (error) {
      // whoever has aborted it tells those who wait
      if (!this.#controller.signal.aborted) this.#fail(error)
    } finally {
      this.request.onEnded?.()
    }
  }

  /** `false`: it is for others to settle it. */
  async #perform(found: FoundPromise): Promise<boolean> {
    const { send, claim, isRetriable, id } = this.request
    const { signal } = this.#controller
    let mayClaim = found.created
    while (send !== undefined && (claim === undefined ? mayClaim : await claim(found, signal))) {
      if (signal.aborted) return true
      mayClaim = false
      this.#ports.counters.sent++
      try {
        const value = await send(signal)
        this.#isAtWork = this.#isWatched(found)
        await this.#record({ state: 'resolved', value })
        return true
      } catch (error) {
        if (bridgeErrors.LEASE_LOST.is(error) && !signal.aborted) continue
        if (bridgeErrors.OUTCOME_NOT_SAVED.is(error) || isRetriable?.(error) === true) throw error
        if (signal.aborted) return true
        await this.#record({ state: 'rejected', error: recordableError(id, error) })
        return true
      }
    }
    return false
  }

  /** @throws OUTCOME_NOT_SAVED */
  async #record(settlement: Settlement<T>): Promise<void> {
    const { id } = this.request
    try {
      await this.settle(settlement)
    } catch (error) {
      if (bridgeErrors.VALUE_NOT_RECORDED.is(error)) throw error
      const value = settlement.state === 'resolved' ? settlement.value : settlement.error
      throw bridgeErrors.OUTCOME_NOT_SAVED({ id, value }, { cause: error })
    }
  }

  /** Others may settle it: another process, or whoever made it. */
  async #watch(found: FoundPromise): Promise<void> {
    const { store } = this.#ports
    if (!this.#isWatched(found)) return
    const record = await store.wait(this.request.id, { signal: this.#controller.signal })
    this.#finish(this.#open(record), record)
  }

  #isWatched({ created }: FoundPromise): boolean {
    return !created || this.#ports.store.capabilities.shared
  }

  /** The time that the first caller gave counts. */
  #followDeadline({ timeoutAtMs, createdAtMs }: DurableRecord): void {
    const { clock, storeGraceMs } = this.#ports
    this.#timeoutMs = timeoutAtMs - storeGraceMs - createdAtMs
    this.#deadline.cancel()
    const leftMs = Math.max(0, timeoutAtMs - storeGraceMs - clock.wallTimeMs())
    this.#deadline = clock.setTimer(leftMs, () => void this.#timeOut())
  }

  async #timeOut(): Promise<void> {
    const { clock, storeGraceMs } = this.#ports
    const deadline = this.#deadline
    this.#isOverdue = true
    const error = bridgeErrors.PROMISE_TIMED_OUT({ id: this.request.id, timeoutMs: this.#timeoutMs })
    // a store that does not answer must not keep those who wait
    const grace = clock.setTimer(storeGraceMs, () => this.#fail(error))
    try {
      await this.#created
      // another has made it, and given it a time of its own; or the grace is over
      if (deadline !== this.#deadline || this.#state.name !== 'pending') return
      this.#controller.abort(error)
      await this.settle({ state: 'timedout', error })
    } catch {
      this.#fail(error)
    } finally {
      grace.cancel()
    }
  }

  #finish(settlement: Settlement<T>, record: DurableRecord): void {
    if (this.#state.name === 'settled') return
    const wasLeft = this.#state.name === 'left'
    this.#state = { name: 'settled', settlement }
    this.request.onSettled?.()
    if (wasLeft) return
    const { counters } = this.#ports
    switch (settlement.state) {
      case 'resolved':
        counters.resolved++
        this.#resolve(settlement.value, record)
        break
      case 'timedout':
        counters.timedOut++
        this.#reject(settlement.error)
        break
      case 'canceled':
        counters.cancelled++
        this.#reject(settlement.error)
        break
      case 'rejected':
        counters.rejected++
        this.#reject(settlement.error)
    }
    // an error takes longer to make than all the rest here
    if (this.#isAtWork) this.#controller.abort(coreErrors.CANCELLED({ what: `${this.request.id}, which is settled,` }))
    this.#deadline.cancel()
    this.#ports.closed(record)
  }

  /** Each gets a value of its own: what one does to it must not be what others are told. */
  #resolve(value: T, record: DurableRecord): void {
    let isFirst = true
    for (const waiter of this.#waiters) {
      waiter.resolve(isFirst ? value : valueOf(this.#open(record)))
      isFirst = false
    }
  }

  /** @throws RECORD_MALFORMED */
  #open(record: DurableRecord): Settlement<T> {
    return openSettlement(record, this.request.isValue)
  }

  #reject(error: CapsuleError): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }

  #fail(error: unknown): void {
    // what the caller's own functions throw reaches the caller as it is
    this.leave(error as CapsuleError)
  }
}
