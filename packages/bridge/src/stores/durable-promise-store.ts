import type { AbortOptions } from '@capsule/core'

export type DurableState = 'pending' | 'resolved' | 'rejected' | 'canceled' | 'timedout'

/** A promise as its store keeps it; settled ones never change. */
export interface DurableRecord {
  readonly id: string
  readonly state: DurableState
  /** What it was created with. */
  readonly param?: string
  /** What it was settled with; absent while pending and when it timed out. */
  readonly value?: string
  readonly tags: Readonly<Record<string, string>>
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number
  readonly timeoutAtMs: number
  readonly settledAtMs?: number
}

export interface CreateDurablePromise {
  /** The idempotency key: of several with one id the first is kept, whatever the others carry. At most 512 of `[A-Za-z0-9_.:-]`. */
  readonly id: string
  /** Milliseconds since the Unix epoch; after it a pending promise is `timedout`. */
  readonly timeoutAtMs: number
  readonly param?: string
  readonly tags?: Readonly<Record<string, string>>
}

export interface SettleDurablePromise {
  readonly id: string
  readonly state: Exclude<DurableState, 'pending' | 'timedout'>
  readonly value?: string
}

/** What a store can do, so that nobody has to find out. */
export interface StoreCapabilities {
  readonly name: string
  /** What was acknowledged is there after a restart of this process. */
  readonly persistent: boolean
  /** Several processes may use it at once. */
  readonly shared: boolean
  /** Promises time out in the store also when no host runs. */
  readonly enforcesTimeouts: boolean
}

/**
 * Where durable promises are kept. The first to settle a promise decides; everyone else is told what was decided.
 * Methods reject with STORE_UNAVAILABLE (try again), STORE_UNAUTHORIZED (do not), STORE_CLOSED, CANCELLED, or INVALID_OPTIONS.
 */
export interface DurablePromiseStore extends AsyncDisposable {
  readonly capabilities: StoreCapabilities
  /** `created`: this very call made it. Also true for a call that had to be sent again and finds its own promise. */
  create(promise: CreateDurablePromise, options?: AbortOptions): Promise<{ record: DurableRecord; created: boolean }>
  /** `undefined`: there is none of that id, or not any more. */
  get(id: string, options?: AbortOptions): Promise<DurableRecord | undefined>
  /** `applied`: this very call settled it. @throws PROMISE_NOT_FOUND */
  settle(settlement: SettleDurablePromise, options?: AbortOptions): Promise<{ record: DurableRecord; applied: boolean }>
  /** Resolves to the settled record, also of one that is settled by another process. @throws PROMISE_NOT_FOUND */
  wait(id: string, options?: AbortOptions): Promise<DurableRecord>
  /** What waits is rejected with STORE_CLOSED. Idempotent. */
  close(): Promise<void>
}
