import type { Session } from '@capsule/session'
import { poolErrors } from './errors.ts'

/** What a lease and its session share: once it has ended, neither reaches the session any more. */
export class LeaseToken {
  readonly leaseId: string
  readonly sessionId: string
  #session: Session | undefined
  #why = ''
  /** The holder has called something that can leave traces. */
  isUsed = false
  /** Calls of the holder that go on; one that outlived the lease could reach into the next. */
  pending = 0
  /** Undoes what the holder has hung on the session. */
  readonly #undo = new Set<() => void>()

  constructor(leaseId: string, session: Session) {
    this.leaseId = leaseId
    this.sessionId = session.sessionId
    this.#session = session
  }

  get isActive(): boolean {
    return this.#session !== undefined
  }

  /** @throws LEASE_ENDED */
  get session(): Session {
    if (this.#session === undefined) throw poolErrors.LEASE_ENDED({ leaseId: this.leaseId, why: this.#why })
    return this.#session
  }

  /** Returns the way to forget it. */
  onEnd(undo: () => void): () => void {
    this.#undo.add(undo)
    return () => this.#undo.delete(undo)
  }

  /** Whether this call ended it. */
  end(why: string): boolean {
    if (this.#session === undefined) return false
    this.#session = undefined
    this.#why = why
    for (const undo of this.#undo) undo()
    this.#undo.clear()
    return true
  }
}
