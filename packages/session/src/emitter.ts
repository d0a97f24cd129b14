import type { EventSource, Logger } from '@capsule/core'
import { EventEmitter } from 'eventemitter3'

/** A map from event name to the listener's arguments. */
type EventMap<Events> = Record<keyof Events, readonly unknown[]>

/** Tells listeners; users get `source`, which can only listen. */
export interface Emitter<Events extends EventMap<Events>> {
  readonly source: EventSource<Events>
  /** What a listener throws is logged, and keeps nothing from the others. */
  emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): void
}

export function createEmitter<Events extends EventMap<Events>>(logger: Logger): Emitter<Events> {
  const emitter = new EventEmitter()
  return {
    source: new ListenOnly<Events>(emitter, logger),
    emit: (name, ...args) => void emitter.emit(name, ...args),
  }
}

type Listener = (...args: unknown[]) => void

class ListenOnly<Events extends EventMap<Events>> implements EventSource<Events> {
  readonly #emitter: EventEmitter
  readonly #logger: Logger
  /** The same for the same listener, so that `off` finds it. */
  readonly #guarded = new WeakMap<object, Listener>()

  constructor(emitter: EventEmitter, logger: Logger) {
    this.#emitter = emitter
    this.#logger = logger
  }

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.on(name as string, this.#guard(listener as unknown as Listener))
    return this
  }

  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.once(name as string, this.#guard(listener as unknown as Listener))
    return this
  }

  off<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#emitter.off(name as string, this.#guard(listener as unknown as Listener))
    return this
  }

  #guard(listener: Listener): Listener {
    let guarded = this.#guarded.get(listener)
    if (guarded === undefined) {
      guarded = (...args) => {
        try {
          listener(...args)
        } catch (error) {
          this.#logger.error('a listener threw', { error })
        }
      }
      this.#guarded.set(listener, guarded)
    }
    return guarded
  }
}
