import type { DurablePromiseStore, StoreCapabilities } from '../durable-promise-store.ts'
import type { StoreRetention } from '../store-options.ts'

/** What the suite asks a new store for; only where `reopen`, `abilities` and the like say that it can be had. */
export interface StoreWishes {
  readonly retention?: StoreRetention
}

export interface DurablePromiseStoreContractOptions {
  readonly name: string
  /** What the store must say of itself; what it lacks shows as skipped. */
  readonly capabilities: StoreCapabilities
  /** A new, empty store. */
  open(this: void, wishes?: StoreWishes): Promise<DurablePromiseStore>
  /** Another store over what this one keeps, after the process of this one has ended or it was closed. For persistent ones. */
  readonly reopen?: (store: DurablePromiseStore) => Promise<DurablePromiseStore>
  /** Another store over the same, as another process has it. For shared ones. */
  readonly openSecond?: (store: DurablePromiseStore) => Promise<DurablePromiseStore>
  /** Breaks the connections that the store has now; new ones can be made. */
  readonly cut?: (store: DurablePromiseStore) => Promise<void>
  /** The store applies the retention it is opened with. @defaultValue true */
  readonly hasRetention?: boolean
  /** Releases what `open` took; the store is closed by then. */
  readonly dispose?: (store: DurablePromiseStore) => Promise<void>
}

export interface StoreCheck {
  readonly name: string
  /** Why it is not tried. */
  readonly skipped?: string | undefined
  run(this: void): Promise<void>
}
