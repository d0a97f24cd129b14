import type { Clock, IdSource, Timer } from '@capsule/core'
import type { Session } from '@capsule/session'
import { LeaseToken } from './lease-token.ts'
import { LeasedSession } from './leased-session.ts'
import type { Lease, ReleaseOptions } from './pool.ts'
import type { PoolMember } from './pool-member.ts'

/** How a lease ended. */
export type LeaseEnd =
  | { readonly how: 'released'; readonly recycle: boolean }
  | { readonly how: 'expired' | 'leaked' | 'shutdown' | 'detached' }

/** What the pool knows of a lease. It does not hold the lease itself: one that is dropped can be collected, and told. */
interface ActiveLease {
  readonly leaseId: string
  readonly member: PoolMember
  readonly startedMs: number
  readonly token: WeakRef<LeaseToken>
  readonly timer: Timer | undefined
}

export interface EndedLease extends Pick<ActiveLease, 'leaseId' | 'member'> {
  readonly heldMs: number
  /** `false`: the session is certainly as it was handed out. */
  readonly isUsed: boolean
  /** A call of the holder goes on. */
  readonly isBusy: boolean
  readonly end: LeaseEnd
}

export interface LeasesOptions {
  readonly clock: Clock
  readonly ids: IdSource
  readonly maxLeaseMs: number
  readonly onEnded: (lease: EndedLease) => void
}

const meanings: Record<LeaseEnd['how'], string> = {
  released: 'the session was released',
  expired: 'it was held for longer than `maxLeaseMs`',
  leaked: 'it was dropped without being released',
  shutdown: 'the pool was shut down',
  detached: 'the session was taken out of the pool',
}

/** The leases that are out, and every way in which they end. */
export class Leases {
  readonly #options: LeasesOptions
  readonly #active = new Map<string, ActiveLease>()
  readonly #dropped = new FinalizationRegistry<string>((leaseId) => this.#onDropped(leaseId))
  #whenNone: (() => void) | undefined

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#active.size
  }

  open(member: PoolMember): Lease {
    const { clock, ids, maxLeaseMs } = this.#options
    const leaseId = ids.next('lease')
    const token = new LeaseToken(leaseId, member.session)
    const timer = maxLeaseMs === Infinity ? undefined : clock.setTimer(maxLeaseMs, () => this.#end(leaseId, 'expired'))
    this.#active.set(leaseId, { leaseId, member, startedMs: clock.now(), token: new WeakRef(token), timer })
    this.#dropped.register(token, leaseId, token)
    return new PoolLease(token, (end) => this.#finish(leaseId, token, end))
  }

  /** Ends those that are out. */
  endAll(): void {
    for (const leaseId of this.#active.keys()) this.#end(leaseId, 'shutdown')
  }

  /** Resolves when no lease is out. */
  async none(): Promise<void> {
    if (this.#active.size > 0) await new Promise<void>((resolve) => (this.#whenNone = resolve))
  }

  #end(leaseId: string, how: 'expired' | 'shutdown'): void {
    this.#finish(leaseId, this.#active.get(leaseId)?.token.deref(), { how })
  }

  #onDropped(leaseId: string): void {
    const lease = this.#active.get(leaseId)
    // somebody may hold an execution without its session: that one is let run
    lease?.member.whenUnused(() => this.#finish(leaseId, undefined, { how: 'leaked' }))
  }

  #finish(leaseId: string, token: LeaseToken | undefined, end: LeaseEnd): void {
    const lease = this.#active.get(leaseId)
    if (lease === undefined) return
    this.#active.delete(leaseId)
    lease.timer?.cancel()
    token?.end(meanings[end.how])
    if (token !== undefined) this.#dropped.unregister(token)
    const heldMs = this.#options.clock.now() - lease.startedMs
    const { isUsed = true, pending = 0 } = token ?? {}
    this.#options.onEnded({ leaseId, member: lease.member, heldMs, isUsed, isBusy: pending > 0, end })
    if (this.#active.size === 0) this.#whenNone?.()
  }
}

class PoolLease implements Lease {
  readonly leaseId: string
  readonly session: Session
  readonly #token: LeaseToken
  readonly #finish: (end: LeaseEnd) => void

  constructor(token: LeaseToken, finish: (end: LeaseEnd) => void) {
    this.leaseId = token.leaseId
    this.session = new LeasedSession(token)
    this.#token = token
    this.#finish = finish
  }

  async release({ recycle = false }: ReleaseOptions = {}): Promise<void> {
    this.#finish({ how: 'released', recycle })
  }

  detach(): Session {
    const { session } = this.#token
    this.#finish({ how: 'detached' })
    return session
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}
