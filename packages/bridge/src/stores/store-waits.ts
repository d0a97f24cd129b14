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
/** A server whose clock is behind still calls a promise pending: asked again after so long. */
const lateMs = 100

/** What this process waits for: told by messages, at the deadlines, and to be safe by asking again. */
export class StoreWaits {
  readonly #parts: StoreWaitsParts
  readonly #checks = createDeadlineQueue()
  readonly #waiters: Waiters = createWaiters({ onLeft: (id) => this.#checks.delete(id) })
  readonly #alarm: Alarm
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
    this.#waiters.rejectAll(error)
  }

  #checkAt(id: string, atMs: number): void {
    if (!this.#waiters.has(id) || atMs === Infinity) return
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
    try {
      const record = await register(id)
      this.#failures = 0
      this.tell(record)
      this.#checkAt(id, this.#nextCheckMs(record))
    } catch (error) {
      // a wait outlives every failure that may pass
      if (isCapsuleError(error) && !bridgeErrors.STORE_UNAVAILABLE.is(error)) this.#waiters.reject(id, error)
      else this.#checkAt(id, clock.wallTimeMs() + backoffMs(this.#failures++))
    } finally {
      this.#atOnce -= 1
      this.#registerDue()
      if (this.#checks.nextMs !== undefined && this.#atOnce < mostAtOnce) this.#alarm.set(this.#checks.nextMs)
    }
  }

  #nextCheckMs({ timeoutAtMs }: DurableRecord): number {
    const { clock, rewaitMs } = this.#parts
    const nowMs = clock.wallTimeMs()
    const crowd = Math.max(1, (this.#checks.size * 1000) / (cautiousPerSecond * rewaitMs))
    const againMs = nowMs + rewaitMs * crowd * (0.8 + Math.random() * 0.4)
    return Math.min(againMs, timeoutAtMs > nowMs ? timeoutAtMs : nowMs + lateMs)
  }
}
