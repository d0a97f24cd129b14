import { type AbortOptions, type Clock, throwIfAborted, withAbort } from '@capsule/core'
import type { Counting } from './bridge-figures.ts'
import { Correlation, type CorrelationRequest } from './correlation.ts'
import { bridgeErrors } from './errors.ts'
import { openSettlement, valueOf } from './settlement.ts'
import { type RetentionLimits, SettledRecords } from './settled-records.ts'
import type { DurablePromiseStore, DurableRecord } from './stores/durable-promise-store.ts'
import type { KeepAlive } from './stores/keep-alive.ts'

export interface CorrelationsParts {
  readonly store: DurablePromiseStore
  readonly clock: Clock
  readonly counters: Counting
  /** Held while there is one pending. */
  readonly keepAlive: KeepAlive
  readonly maxPending: number
  readonly retention: RetentionLimits
  readonly storeGraceMs: number
  readonly maxValueBytes: number
  /** Nothing begins any more, and nobody waits: its reason is what they are told. */
  readonly ending: AbortSignal
}

interface Remembered {
  readonly param: string
  /** As it was recorded: each who asks gets a value of its own. */
  readonly record: DurableRecord
}

/** All promises that somebody here waits for, by id, and those that were settled lately. */
export class Correlations {
  readonly #parts: CorrelationsParts
  /** Those that are pending here, and those that were left and still stop. */
  readonly #running = new Map<string, Correlation<unknown>>()
  readonly #remembered: SettledRecords<Remembered>
  #pending = 0
  #pendingHighWater = 0
  #onDrained: (() => void) | undefined

  constructor(parts: CorrelationsParts) {
    this.#parts = parts
    this.#remembered = new SettledRecords(parts.clock, parts.retention)
  }

  get figures(): { readonly pending: number; readonly pendingHighWater: number; readonly retained: number } {
    return { pending: this.#pending, pendingHighWater: this.#pendingHighWater, retained: this.#remembered.size }
  }

  find(id: string): Correlation<unknown> | undefined {
    return this.#running.get(id)
  }

  list(): readonly Correlation<unknown>[] {
    return [...this.#running.values()]
  }

  /** Resolves when none is pending. */
  async drained(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve))
  }

  /** What was settled is asked of the store again. */
  forget(): void {
    this.#remembered.clear()
  }

  /** Joins what is under way, or begins it. @throws BRIDGE_OVERLOADED */
  async join<T>(request: CorrelationRequest<T>, options: AbortOptions = {}, onReplayed?: () => void): Promise<T> {
    const { counters, ending } = this.#parts
    const { id, param } = request
    for (;;) {
      throwIfAborted(options.signal, 'a call of the bridge')
      ending.throwIfAborted()
      const remembered = this.#remembered.find(id)
      if (remembered !== undefined) {
        if (remembered.param !== param) throw request.conflict(remembered.param)
        counters.joined++
        if (remembered.record.state === 'resolved') onReplayed?.()
        return valueOf(openSettlement(remembered.record, request.isValue))
      }
      const running = this.#running.get(id) as Correlation<T> | undefined
      if (running === undefined) return this.#begin(request, onReplayed).join(options)
      if (running.request.param !== param) {
        // the store says which of the two is right, and tells the other
        const recorded = await this.#unlessEnding(running.recordedParam(), options.signal, id)
        if (recorded !== param) throw request.conflict(recorded)
      } else if (running.isPending) {
        counters.joined++
        return running.join(options)
      }
      // it was left a moment ago, and what was sent still stops
      await this.#unlessEnding(running.ended, options.signal, id)
    }
  }

  /** What stops may take its time, and the bridge ends all the same. */
  async #unlessEnding<T>(promise: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
    const { ending } = this.#parts
    try {
      return await withAbort(promise, signal === undefined ? ending : AbortSignal.any([ending, signal]), what)
    } catch (error) {
      ending.throwIfAborted()
      throw error
    }
  }

  /** @throws BRIDGE_OVERLOADED */
  #begin<T>(request: CorrelationRequest<T>, onReplayed: (() => void) | undefined): Correlation<T> {
    const { maxPending, keepAlive, counters } = this.#parts
    if (this.#pending >= maxPending) {
      counters.overloaded++
      throw bridgeErrors.BRIDGE_OVERLOADED({ pending: this.#pending, maxPending })
    }
    if (this.#pending++ === 0) keepAlive.hold()
    this.#pendingHighWater = Math.max(this.#pendingHighWater, this.#pending)
    const { id, param } = request
    const correlation = new Correlation<T>(request, {
      ...this.#parts,
      replayed: () => onReplayed?.(),
      closed: (settled) => {
        if (--this.#pending === 0) keepAlive.release()
        const forget = (): void => {
          if (this.#running.get(id) === correlation) this.#running.delete(id)
        }
        if (settled === undefined) void correlation.ended.then(forget)
        else {
          this.#remembered.add(id, { param, record: settled }, settled.value?.length ?? 0)
          forget()
        }
        if (this.#pending === 0) this.#onDrained?.()
      },
    })
    this.#running.set(id, correlation as Correlation<unknown>)
    return correlation
  }
}
