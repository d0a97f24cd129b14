import type { Clock, Timer } from '@capsule/core'
import type { Session } from '@capsule/session'

export interface KeptSessionsOptions {
  readonly open: () => Promise<Session>
  /** How many at a time; beyond it the one that was idle longest is ended. */
  readonly max: number
  /** An idle one is ended after as long. Milliseconds. */
  readonly idleMs: number
  readonly clock: Clock
}

interface Kept {
  readonly session: Promise<Session>
  uses: number
  /** While nobody uses it. */
  idle?: Timer
}

/** Sessions by name, from the execution that opens one to its end. */
export class KeptSessions implements AsyncDisposable {
  readonly #options: KeptSessionsOptions
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, Kept>()

  constructor(options: KeptSessionsOptions) {
    this.#options = options
  }

  /**
   * `undefined`: there is none of that name, and it is not to be opened.
   * @throws what `open` throws, and an error when every session is in use
   */
  async use<T>(
    name: string,
    { mayOpen }: { readonly mayOpen: boolean },
    work: (session: Session) => Promise<T>,
  ): Promise<T | undefined> {
    const kept = this.#kept.get(name) ?? (mayOpen ? this.#open() : undefined)
    if (kept === undefined) return undefined
    this.#kept.delete(name)
    this.#kept.set(name, kept)
    kept.uses++
    kept.idle?.cancel()
    try {
      const session = await kept.session
      return await work(session)
    } finally {
      kept.uses--
      if (kept.uses === 0) await this.#rest(name, kept)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#kept].map(([name, kept]) => this.#end(name, kept)))
  }

  #open(): Kept {
    this.#makeRoom()
    const session = this.#options.open()
    // whoever opened it is told
    session.catch(() => {})
    return { session, uses: 0 }
  }

  #makeRoom(): void {
    if (this.#kept.size < this.#options.max) return
    const idle = [...this.#kept].find(([, { uses }]) => uses === 0)
    if (idle === undefined) throw new Error(`all ${this.#options.max} kept sessions of this host are in use`)
    void this.#end(...idle).catch(() => {})
  }

  /** Lets it wait for its next use, if it can have one. */
  async #rest(name: string, kept: Kept): Promise<void> {
    const isOpen = await kept.session.then(
      (session) => session.info().state !== 'closed',
      () => false,
    )
    if (kept.uses > 0 || this.#kept.get(name) !== kept) return
    if (!isOpen) this.#kept.delete(name)
    else
      kept.idle = this.#options.clock.setTimer(this.#options.idleMs, () => void this.#end(name, kept).catch(() => {}))
  }

  async #end(name: string, kept: Kept): Promise<void> {
    kept.idle?.cancel()
    if (this.#kept.get(name) === kept) this.#kept.delete(name)
    const session = await kept.session
    await session.shutdown()
  }
}
