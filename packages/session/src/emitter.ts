import type { EventSource, Logger } from '@capsule/core'
import { EventEmitter } from 'eventemitter3'

/** A map from event name to the listener's arguments. */
type EventMap<Events> = Record<keyof Events, readonly unknown[]>

/** Tells listeners; users get `source`, which can only listen. */
export interface Emitter<Events extends EventMap<Events>> {
  readonly source: EventSource<Events>
  /** What a listener throws is logged. */
  emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): void
}

export function createEmitter<Events extends EventMap<Events>>(logger: Logger): Emitter<Events> {
  const emitter = new EventEmitter()
  return {
    source: new ListenOnly<Events>(emitter),
    emit(name, ...args) {
      if (emitter.listenerCount(name) === 0) return
      try {
        emitter.emit(name, ...args)
      } catch (error) {
        logger.error('a listener threw', { event: name, error })
      }
    },
  }
}

type Listener = (...args: unknown[]) => void

class ListenOnly<Events extends EventMap<Events>> implements EventSource<Events> {
  readonly #emitter: EventEmitter

  constructor(emitter: EventEmitter) {
    this.#emitter = emitter
  }

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.on(name as string, listener as unknown as Listener)
    return this
  }

  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.once(name as string, listener as unknown as Listener)
    return this
  }

  off<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.off(name as string, listener as unknown as Listener)
    return this
  }
}
