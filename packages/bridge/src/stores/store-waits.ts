import type { AbortOptions, CapsuleError, Clock } from '@capsule/core'
import { isCapsuleError } from '@capsule/core'
import { bridgeErrors } from '../errors.ts'
import { type Alarm, createAlarm } from './alarm.ts'
import { createDeadlineQueue } from './deadline-queue.ts'
import type { DurableRecord } from './durable-promise-store.ts'
import { backoffMs } from './retries.ts'
import { createWaiters, type Waiters } from './waiters.ts'

export interface StoreWaitsParts {
  readonly clock: Clock
  /** How often each wait is registered again, in case a message was lost. */
  readonly rewaitMs: number
  /** Asks to be told, and gives what is known now. */
  readonly register: (id: string) => Promise<DurableRecord>
}

/** Registrations at a time; the others come next. */
const mostAtOnce = 32
/** Registrations a second that mere caution may cost; with more waits each has its turn less often. */
const cautiousPerSecond = 50
/** A server whose clock is behind still calls a promise pending: asked again after so long, and then after as long as it is late. */
const lateMs = 100

/** What this process waits for: told by messages, at the deadlines, and to be safe by asking again. */
export class StoreWaits {
  readonly #parts: StoreWaitsParts
  readonly #checks = createDeadlineQueue()
  readonly #waiters: Waiters = createWaiters({ onLeft: (id) => this.#forget(id) })
  readonly #alarm: Alarm
  /** When somebody last began to wait for each, by the order of waits and registrations. */
  readonly #joined = new Map<string, number>()
  #order = 0
  #atOnce = 0
  #failures = 0

  constructor(parts: StoreWaitsParts) {
    this.#parts = parts
    this.#alarm = createAlarm(parts.clock, () => {
      this.#registerDue()
      return this.#atOnce < mostAtOnce ? this.#checks.nextMs : undefined
    })
  }

  add(id: string, options: AbortOptions): Promise<DurableRecord> {
    const isFirst = !this.#waiters.has(id)
    const waiting = this.#waiters.add(id, options)
    this.#joined.set(id, ++this.#order)
    if (isFirst) this.register(id)
    return waiting
  }

  /** What any answer or message said of a promise. */
  tell(record: DurableRecord): void {
    if (record.state !== 'pending') this.#waiters.resolve(record)
  }

  /** Something may have happened to it. */
  register(id: string): void {
    if (!this.#waiters.has(id)) return
    this.#checks.add(id, this.#parts.clock.wallTimeMs())
    this.#registerDue()
  }

  registerAll(): void {
    for (const id of this.#waiters.ids) this.#checks.add(id, this.#parts.clock.wallTimeMs())
    this.#registerDue()
  }

  close(error: CapsuleError): void {
    this.#alarm.cancel()
    this.#waiters.close(error)
  }

  #forget(id: string): void {
    this.#checks.delete(id)
    this.#joined.delete(id)
  }

  #checkAt(id: string, atMs: number): void {
    if (!this.#waiters.has(id) || atMs === Infinity) return
    // what came while the answer was on its way is newer than the answer
    const knownMs = this.#checks.timeOf(id)
    if (knownMs !== undefined && knownMs <= atMs) return
    this.#checks.add(id, atMs)
    if (this.#atOnce < mostAtOnce) this.#alarm.set(atMs)
  }

  #registerDue(): void {
    const nowMs = this.#parts.clock.wallTimeMs()
    for (let id; this.#atOnce < mostAtOnce && (id = this.#checks.takeDue(nowMs)) !== undefined;) void this.#ask(id)
  }

  async #ask(id: string): Promise<void> {
    const { clock, register } = this.#parts
    this.#atOnce += 1
    const order = ++this.#order
    try {
      const record = await register(id)
      this.#failures = 0
      this.tell(record)
      this.#checkAt(id, this.#nextCheckMs(record))
    } catch (error) {
      // a wait outlives every failure that may pass
      if (!isCapsuleError(error) || bridgeErrors.STORE_UNAVAILABLE.is(error))
        this.#checkAt(id, clock.wallTimeMs() + Math.max(backoffMs(this.#failures++), this.#crowdMs()))
      // it may have been created for one who came while the answer was on its way
      else if (bridgeErrors.PROMISE_NOT_FOUND.is(error) && this.#joined.get(id)! > order) this.register(id)
      else this.#waiters.reject(id, error)
    } finally {
      this.#atOnce -= 1
      this.#registerDue()
      if (this.#checks.nextMs !== undefined && this.#atOnce < mostAtOnce) this.#alarm.set(this.#checks.nextMs)
    }
  }

  #nextCheckMs({ timeoutAtMs }: DurableRecord): number {
    const { clock, rewaitMs } = this.#parts
    const nowMs = clock.wallTimeMs()
    const againMs = nowMs + Math.max(rewaitMs * (0.8 + Math.random() * 0.4), this.#crowdMs())
    return Math.min(againMs, timeoutAtMs > nowMs ? timeoutAtMs : nowMs + Math.max(lateMs, nowMs - timeoutAtMs))
  }

  /** How long everyone's turn takes. */
  #crowdMs(): number {
    return ((this.#waiters.size * 1000) / cautiousPerSecond) * (0.8 + Math.random() * 0.4)
  }
}
