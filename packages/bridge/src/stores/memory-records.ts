import type { Clock } from '@capsule/core'
import { type Alarm, createAlarm } from './alarm.ts'
import { createDeadlineQueue } from './deadline-queue.ts'
import type { DurableRecord } from './durable-promise-store.ts'
import type { CheckedCreate, CheckedSettle } from './store-calls.ts'
import type { Retention } from './store-options.ts'

export interface MemoryRecordsParts {
  readonly clock: Clock
  readonly retention: Retention
  /** Told of every promise that is settled, also of those whose time has come. */
  readonly onSettled: (record: DurableRecord) => void
}

/** Promises in this process's memory, on time and within the retention, with one timer. */
export class MemoryRecords {
  readonly #parts: MemoryRecordsParts
  readonly #records = new Map<string, DurableRecord>()
  readonly #deadlines = createDeadlineQueue()
  /** When each settled promise was settled here, the oldest first. */
  readonly #settled = new Map<string, number>()
  readonly #alarm: Alarm

  constructor(parts: MemoryRecordsParts) {
    this.#parts = parts
    this.#alarm = createAlarm(parts.clock, () => {
      for (let id; (id = this.#deadlines.takeDue(this.#nowMs)) !== undefined;) this.#timeOut(this.#records.get(id)!)
      this.#removeExpired()
      return this.#nextAlarmMs
    })
  }

  find(id: string): DurableRecord | undefined {
    const record = this.#records.get(id)
    // a timer may be late; nobody sees a promise pending after its time
    return record?.state === 'pending' && record.timeoutAtMs <= this.#nowMs ? this.#timeOut(record) : record
  }

  /** Of an id that there is not. */
  add({ id, timeoutAtMs, param, tags }: CheckedCreate): DurableRecord {
    const createdAtMs = this.#nowMs
    const bare = { id, state: 'pending', tags, createdAtMs, timeoutAtMs } as const
    const pending: DurableRecord = Object.freeze(param === undefined ? bare : { ...bare, param })
    const isLate = timeoutAtMs <= createdAtMs
    if (!isLate) {
      this.#records.set(id, pending)
      this.#deadlines.add(id, timeoutAtMs)
    }
    const added = isLate ? this.#timeOut(pending) : pending
    this.#tidy()
    return added
  }

  /** One that is pending. */
  settle(pending: DurableRecord, { state, value }: CheckedSettle): DurableRecord {
    const given = value === undefined ? {} : { value }
    const settled = this.#keepSettled({ ...pending, state, ...given, settledAtMs: this.#nowMs })
    this.#tidy()
    return settled
  }

  clear(): void {
    this.#alarm.cancel()
    this.#records.clear()
    this.#settled.clear()
  }

  get #nowMs(): number {
    return this.#parts.clock.wallTimeMs()
  }

  #timeOut(record: DurableRecord): DurableRecord {
    return this.#keepSettled({ ...record, state: 'timedout', settledAtMs: record.timeoutAtMs })
  }

  #keepSettled(record: DurableRecord): DurableRecord {
    this.#records.set(record.id, Object.freeze(record))
    this.#deadlines.delete(record.id)
    this.#settled.set(record.id, this.#nowMs)
    this.#parts.onSettled(record)
    return record
  }

  #tidy(): void {
    this.#removeExpired()
    const nextMs = this.#nextAlarmMs
    if (nextMs !== undefined) this.#alarm.set(nextMs)
  }

  #removeExpired(): void {
    const { settledMs, maxSettled } = this.#parts.retention
    for (const [id, settledAtMs] of this.#settled) {
      if (this.#settled.size <= maxSettled && settledAtMs + settledMs > this.#nowMs) return
      this.#settled.delete(id)
      this.#records.delete(id)
    }
  }

  get #nextAlarmMs(): number | undefined {
    const [oldestMs] = this.#settled.values()
    // a tenth later than it must, so that a busy store removes many at a time
    const expiryMs = oldestMs === undefined ? Infinity : oldestMs + this.#parts.retention.settledMs * 1.1
    const nextMs = Math.min(this.#deadlines.nextMs ?? Infinity, expiryMs)
    return nextMs === Infinity ? undefined : nextMs
  }
}
