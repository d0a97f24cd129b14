import { type AbortOptions, throwIfAborted } from './abort.ts'
import { coreErrors } from './core-errors.ts'

export interface ChannelOptions<T> {
  /** How much fits before `send` waits, in units of `weigh`. @defaultValue Infinity */
  readonly capacity?: number
  /** What one value takes of the capacity. @defaultValue 1 each */
  readonly weigh?: (value: T) => number
  /** Called when a reader takes a value (not when it is dropped). */
  readonly onTake?: (value: T, weight: number) => void
  /** Called once when a reader leaves early (`break`, `return()`): what is queued and what is sent from then on is dropped. */
  readonly onAbandon?: () => void
  /** Named in errors. @defaultValue 'channel' */
  readonly name?: string
}

/**
 * The one bounded queue of Capsule. Values come out in the order they went in; values sent before `close` are always
 * delivered, the failure given to `close` last. Several readers share the values: each value goes to one of them.
 */
export interface Channel<T> extends AsyncIterableIterator<T, undefined> {
  /** The weight of what is queued. */
  readonly size: number
  readonly isClosed: boolean
  /** True from the first `next()` on. */
  readonly isRead: boolean
  /** A reader left early; values are dropped and every reader is at the end. */
  readonly isAbandoned: boolean
  /**
   * Waits until the value fits. One value larger than the capacity is taken when the channel is empty.
   * @throws CHANNEL_CLOSED, CANCELLED
   */
  send(value: T, options?: AbortOptions): Promise<void>
  /** Queues the value if it fits and says whether it did. @throws CHANNEL_CLOSED */
  trySend(value: T): boolean
  /** Queues the value whether or not it fits, for writers that are bounded elsewhere. @throws CHANNEL_CLOSED */
  push(value: T): void
  /** Removes and returns the oldest value without waiting. */
  shift(): T | undefined
  /** Idempotent; the first call decides. A `send` that still waits is refused: its value was never in the channel. */
  close(error?: unknown): void
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

interface Entry<T> {
  readonly value: T
  readonly weight: number
}

interface Writer<T> extends Entry<T> {
  readonly admit: () => void
  readonly refuse: (error: unknown) => void
}

type End = { readonly failed: false } | { readonly failed: true; readonly error: unknown }

export function createChannel<T>(options: ChannelOptions<T> = {}): Channel<T> {
  return new BoundedChannel(options)
}

class BoundedChannel<T> implements Channel<T> {
  readonly #capacity: number
  readonly #options: ChannelOptions<T>
  #entries: (Entry<T> | undefined)[] = []
  // entries before this index are taken; the array is compacted when they are the larger half, so taking stays O(1)
  #first = 0
  #size = 0
  readonly #readers: Waiting<T>[] = []
  readonly #writers = new Set<Writer<T>>()
  #end: End | undefined
  #isRead = false
  #isAbandoned = false

  constructor(options: ChannelOptions<T>) {
    this.#options = options
    this.#capacity = options.capacity ?? Infinity
  }

  get size(): number {
    return this.#size
  }
  get isClosed(): boolean {
    return this.#end !== undefined
  }
  get isRead(): boolean {
    return this.#isRead
  }
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  async send(value: T, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, `sending into ${this.#name}`)
    const entry = this.#weighed(value)
    if (this.#writers.size === 0 && this.#fits(entry)) return this.#accept(entry)
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#writers.delete(writer)
        reject(coreErrors.CANCELLED({ what: `sending into ${this.#name}` }, { cause: signal?.reason }))
      }
      const settled = (then: () => void) => (): void => {
        signal?.removeEventListener('abort', onAbort)
        then()
      }
      const writer: Writer<T> = { ...entry, admit: settled(resolve), refuse: (error) => settled(() => reject(error))() }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#writers.add(writer)
    })
  }

  trySend(value: T): boolean {
    const entry = this.#weighed(value)
    if (this.#writers.size > 0 || !this.#fits(entry)) return false
    this.#accept(entry)
    return true
  }

  push(value: T): void {
    this.#accept(this.#weighed(value))
  }

  shift(): T | undefined {
    const entry = this.#removeFirst()
    if (entry === undefined) return undefined
    this.#admitWriters()
    return entry.value
  }

  close(error?: unknown): void {
    if (this.#end !== undefined) return
    this.#end = error === undefined ? { failed: false } : { failed: true, error }
    for (const writer of this.#writers) writer.refuse(coreErrors.CHANNEL_CLOSED({ channel: this.#name }))
    this.#writers.clear()
    for (const reader of this.#readers.splice(0)) this.#deliverEnd(reader)
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.#isRead = true
    const entry = this.#removeFirst()
    if (entry !== undefined) {
      this.#options.onTake?.(entry.value, entry.weight)
      this.#admitWriters()
      return Promise.resolve({ done: false, value: entry.value })
    }
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject }
      if (this.#isAbandoned) resolve({ done: true, value: undefined })
      else if (this.#end === undefined) this.#readers.push(reader)
      else this.#deliverEnd(reader)
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isAbandoned) {
      this.#isAbandoned = true
      this.#entries = []
      this.#first = 0
      this.#size = 0
      for (const { resolve } of this.#readers.splice(0)) resolve({ done: true, value: undefined })
      this.#admitWriters()
      this.#options.onAbandon?.()
    }
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  get #name(): string {
    return this.#options.name ?? 'channel'
  }

  #weighed(value: T): Entry<T> {
    if (this.#end !== undefined) throw coreErrors.CHANNEL_CLOSED({ channel: this.#name })
    return { value, weight: this.#options.weigh?.(value) ?? 1 }
  }

  #fits({ weight }: Entry<T>): boolean {
    return this.#isAbandoned || this.#size === 0 || this.#size + weight <= this.#capacity
  }

  #accept(entry: Entry<T>): void {
    if (this.#isAbandoned) return
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      this.#options.onTake?.(entry.value, entry.weight)
      reader.resolve({ done: false, value: entry.value })
      return
    }
    this.#entries.push(entry)
    this.#size += entry.weight
  }

  #removeFirst(): Entry<T> | undefined {
    const entry = this.#entries[this.#first]
    if (entry === undefined) return undefined
    // a taken value must not be kept alive by the queue
    this.#entries[this.#first++] = undefined
    this.#size -= entry.weight
    if (this.#first === this.#entries.length) {
      this.#entries.length = 0
      this.#first = 0
      // sums of fractional weights drift
      this.#size = 0
    } else if (this.#first >= 32 && this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
    return entry
  }

  #admitWriters(): void {
    for (const writer of this.#writers) {
      if (!this.#fits(writer)) return
      this.#writers.delete(writer)
      this.#accept(writer)
      writer.admit()
    }
  }

  #deliverEnd({ resolve, reject }: Waiting<T>): void {
    if (this.#end?.failed) {
      const { error } = this.#end
      // the failure is told once, then the channel is simply over
      this.#end = { failed: false }
      reject(error)
    } else resolve({ done: true, value: undefined })
  }
}
