import { promisify } from 'node:util'
import type { Execution } from './execution.ts'
import { dataDescriptor, defineProperty } from './primordials.ts'

/** The handle of a timeout, interval or immediate. */
export type TimerHandle = NodeJS.Timeout | NodeJS.Immediate

const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis

/** Ends a timer of any kind. */
export function clearTimer(handle: TimerHandle): void {
  // each checks what it is given; for a foreign kind it does nothing
  clearTimeout(handle as NodeJS.Timeout)
  clearImmediate(handle as NodeJS.Immediate)
}

type Callback = (...args: unknown[]) => void

/**
 * Makes the global timer functions remember which execution set a timer, so that a cancelled one takes its timers along:
 * a loop in a timer that outlives its cell would block the session. Timers set through `node:timers` are not seen.
 * Returns the way to put Node's functions back.
 */
export function trackTimers(current: () => Execution | undefined): () => void {
  const owners = new WeakMap<TimerHandle, Execution>()
  const own = <Handle extends TimerHandle>(owner: Execution, handle: Handle): Handle => {
    owners.set(handle, owner)
    owner.ownTimer(handle)
    return handle
  }
  /** Of a timer that fires once: forgets it then. */
  const once = (set: (callback: Callback, ...rest: unknown[]) => TimerHandle) =>
    function (this: unknown, callback: Callback, ...rest: unknown[]): TimerHandle {
      const owner = current()
      if (owner === undefined || typeof callback !== 'function') return set(callback, ...rest)
      const handle = set(
        (...args) => {
          owner.forgetTimer(handle)
          callback(...args)
        },
        ...rest,
      )
      return own(owner, handle)
    }
  const forget = (clear: (handle: never) => void) => (handle: TimerHandle) => {
    if (typeof handle === 'object' && handle !== null) owners.get(handle)?.forgetTimer(handle)
    clear(handle as never)
  }
  const tracked: Record<string, { value: object; like: object }> = {
    setTimeout: { value: once(setTimeout as never), like: setTimeout },
    setImmediate: { value: once(setImmediate as never), like: setImmediate },
    setInterval: {
      value: (callback: Callback, ...rest: unknown[]) => {
        const owner = current()
        const handle = (setInterval as (...args: unknown[]) => NodeJS.Timeout)(callback, ...rest)
        return owner === undefined ? handle : own(owner, handle)
      },
      like: setInterval,
    },
    clearTimeout: { value: forget(clearTimeout), like: clearTimeout },
    clearInterval: { value: forget(clearInterval), like: clearInterval },
    clearImmediate: { value: forget(clearImmediate), like: clearImmediate },
  }
  for (const [name, { value, like }] of Object.entries(tracked)) install(name, value, like)
  return () => {
    for (const [name, { like }] of Object.entries(tracked)) define(name, like)
  }
}

function install(name: string, value: object, like: object): void {
  defineProperty(value, 'name', { value: name, configurable: true })
  // what util.promisify(setTimeout) gives
  const promisified: unknown = Reflect.get(like, promisify.custom)
  if (promisified !== undefined) defineProperty(value, promisify.custom, dataDescriptor(promisified))
  define(name, value)
}

function define(name: string, value: object): void {
  defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true })
}
