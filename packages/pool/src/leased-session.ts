import type { EventSource } from '@capsule/core'
import type { Session, SessionEvents } from '@capsule/session'
import type { LeaseToken } from './lease-token.ts'

const tokens = new WeakMap<object, LeaseToken>()

/** The session behind that of a lease; `undefined` for one that is of no lease. @throws LEASE_ENDED */
export function sessionOfLease(leased: Session): Session | undefined {
  return tokens.get(leased)?.session
}

/** A session for as long as its lease: who keeps it afterwards, or left a listener on it, cannot see the next lease. */
export class LeasedSession implements Session {
  readonly events: EventSource<SessionEvents>
  readonly #token: LeaseToken

  constructor(token: LeaseToken) {
    this.#token = token
    tokens.set(this, token)
    this.events = new LeasedEvents(token)
  }

  get sessionId(): string {
    return this.#token.sessionId
  }

  execute(...args: Parameters<Session['execute']>): ReturnType<Session['execute']> {
    return this.#use().execute(...args)
  }

  async run(...args: Parameters<Session['run']>): ReturnType<Session['run']> {
    return this.#use().run(...args)
  }

  async interrupt(...args: Parameters<Session['interrupt']>): ReturnType<Session['interrupt']> {
    return this.#during((session) => session.interrupt(...args))
  }

  async inspect(...args: Parameters<Session['inspect']>): ReturnType<Session['inspect']> {
    return this.#during((session) => session.inspect(...args))
  }

  async bindings(...args: Parameters<Session['bindings']>): ReturnType<Session['bindings']> {
    return this.#during((session) => session.bindings(...args))
  }

  stream(...args: Parameters<Session['stream']>): ReturnType<Session['stream']> {
    return this.#use().stream(...args)
  }

  async restart(...args: Parameters<Session['restart']>): ReturnType<Session['restart']> {
    return this.#during((session) => session.restart(...args))
  }

  async reset(...args: Parameters<Session['reset']>): ReturnType<Session['reset']> {
    return this.#during((session) => session.reset(...args))
  }

  async checkpoint(...args: Parameters<Session['checkpoint']>): ReturnType<Session['checkpoint']> {
    return this.#during((session) => session.checkpoint(...args))
  }

  async restore(...args: Parameters<Session['restore']>): ReturnType<Session['restore']> {
    return this.#during((session) => session.restore(...args))
  }

  async fork(...args: Parameters<Session['fork']>): ReturnType<Session['fork']> {
    return this.#during((session) => session.fork(...args))
  }

  history(): ReturnType<Session['history']> {
    return this.#token.session.history()
  }

  info(): ReturnType<Session['info']> {
    return this.#token.session.info()
  }

  async shutdown(...args: Parameters<Session['shutdown']>): ReturnType<Session['shutdown']> {
    return this.#during((session) => session.shutdown(...args))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#token.isActive) await this.shutdown()
  }

  #use(): Session {
    const { session } = this.#token
    this.#token.isUsed = true
    return session
  }

  async #during<T>(call: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#use()
    this.#token.pending++
    try {
      return await call(session)
    } finally {
      this.#token.pending--
    }
  }
}

/** Only compared. */
type AnyListener = object

interface Registration {
  readonly name: string
  /** As the holder knows it. */
  readonly known: AnyListener
  /** Takes it off the session, and forgets it. */
  readonly remove: () => void
}

class LeasedEvents implements EventSource<SessionEvents> {
  readonly #token: LeaseToken
  readonly #registered = new Set<Registration>()

  constructor(token: LeaseToken) {
    this.#token = token
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    this.#listen(name, listener, (...args) => listener(...args))
    return this
  }

  once<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    // the session holds the listener, which must not keep a lease alive that was dropped
    let registration: WeakRef<Registration> | undefined
    const once = (...args: SessionEvents[Name]): void => {
      registration?.deref()?.remove()
      listener(...args)
    }
    registration = new WeakRef(this.#listen(name, listener, once))
    return this
  }

  off<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    for (const each of this.#registered) if (each.name === name && each.known === listener) each.remove()
    return this
  }

  #listen<Name extends keyof SessionEvents>(
    name: Name,
    known: AnyListener,
    listener: (...args: SessionEvents[Name]) => void,
  ): Registration {
    const { events } = this.#token.session
    events.on(name, listener)
    const forget = this.#token.onEnd(() => events.off(name, listener))
    const registration: Registration = {
      name,
      known,
      remove: () => {
        events.off(name, listener)
        forget()
        this.#registered.delete(registration)
      },
    }
    this.#registered.add(registration)
    return registration
  }
}
