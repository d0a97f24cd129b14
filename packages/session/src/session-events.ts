import type { EventSource, Logger } from '@capsule/core'
import { EventEmitter } from 'eventemitter3'
import type { SessionEvents } from './session.ts'

type Listener = (...args: unknown[]) => void

/** Tells listeners; a listener that throws is logged and harms nobody else. */
export class SessionEventEmitter {
  readonly source: EventSource<SessionEvents>
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
    this.source = new ListenOnly(this.#emitter)
  }

  emit<Name extends keyof SessionEvents>(name: Name, ...args: SessionEvents[Name]): void {
    if (this.#emitter.listenerCount(name) === 0) return
    try {
      this.#emitter.emit(name, ...args)
    } catch (error) {
      this.#logger.error('a listener threw', { event: name, error })
    }
  }
}

class ListenOnly implements EventSource<SessionEvents> {
  readonly #emitter: EventEmitter

  constructor(emitter: EventEmitter) {
    this.#emitter = emitter
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    this.#emitter.on(name, listener as Listener)
    return this
  }

  once<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    this.#emitter.once(name, listener as Listener)
    return this
  }

  off<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): this {
    this.#emitter.off(name, listener as Listener)
    return this
  }
}
