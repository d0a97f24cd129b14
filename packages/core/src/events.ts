/** The part of an emitter that a user gets: a map from event name to the listener's arguments. */
export interface EventSource<Events extends Record<keyof Events, readonly unknown[]>> {
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this
  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this
  off<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this
}
