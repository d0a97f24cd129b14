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
    return this.#use().interrupt(...args)
  }

  async inspect(...args: Parameters<Session['inspect']>): ReturnType<Session['inspect']> {
    return this.#use().inspect(...args)
  }

  async bindings(...args: Parameters<Session['bindings']>): ReturnType<Session['bindings']> {
    return this.#use().bindings(...args)
  }

  stream(...args: Parameters<Session['stream']>): ReturnType<Session['stream']> {
    return this.#use().stream(...args)
  }

  async restart(...args: Parameters<Session['restart']>): ReturnType<Session['restart']> {
    return this.#use().restart(...args)
  }

  async reset(...args: Parameters<Session['reset']>): ReturnType<Session['reset']> {
    return this.#use().reset(...args)
  }

  async checkpoint(...args: Parameters<Session['checkpoint']>): ReturnType<Session['checkpoint']> {
    return this.#use().checkpoint(...args)
  }

  async restore(...args: Parameters<Session['restore']>): ReturnType<Session['restore']> {
    return this.#use().restore(...args)
  }

  async fork(...args: Parameters<Session['fork']>): ReturnType<Session['fork']> {
    return this.#use().fork(...args)
  }

  history(): ReturnType<Session['history']> {
    return this.#token.session.history()
  }

  info(): ReturnType<Session['info']> {
    return this.#token.session.info()
  }

  async shutdown(...args: Parameters<Session['shutdown']>): ReturnType<Session['shutdown']> {
    return this.#use().shutdown(...args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#token.isActive) await this.shutdown()
  }

  #use(): Session {
    const { session } = this.#token
    this.#token.isUsed = true
    return session
  }
}

/** Only compared. */
type AnyListener = object

class LeasedEvents implements EventSource<SessionEvents> {
  readonly #token: LeaseToken
  /** By the listener that the holder knows: how to take what was registered for it away. */
  readonly #registered = new Map<AnyListener, (() => void)[]>()

  constructor(token: LeaseToken) {
    this.#token = token
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    return this.#listen(name, listener, listener)
  }

  once<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    const once = (...args: SessionEvents[Name]): void => {
      this.off(name, listener)
      listener(...args)
    }
    return this.#listen(name, listener, once)
  }

  off<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    for (const remove of this.#registered.get(listener) ?? []) remove()
    return this
  }

  #listen<Name extends keyof SessionEvents>(
    name: Name,
    known: AnyListener,
    listener: (...args: SessionEvents[Name]) => void,
  ): this {
    const { events } = this.#token.session
    events.on(name, listener)
    const forget = this.#token.onEnd(() => events.off(name, listener))
    const remove = (): void => {
      events.off(name, listener)
      forget()
      this.#registered.delete(known)
    }
    this.#registered.set(known, [...(this.#registered.get(known) ?? []), remove])
    return this
  }
}
