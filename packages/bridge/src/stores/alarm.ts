import type { Clock, Timer } from '@capsule/core'

/** One timer for the earliest of many times. */
export interface Alarm {
  /** Milliseconds since the Unix epoch. */
  set(atMs: number): void
  cancel(): void
}

/** `ring` does what is due, and says when the next is. It may be called early. */
export function createAlarm(clock: Clock, ring: () => number | undefined): Alarm {
  let armed: { readonly atMs: number; readonly timer: Timer } | undefined

  const fire = (): void => {
    armed = undefined
    const nextMs = ring()
    if (nextMs !== undefined) set(nextMs)
  }
  const set = (atMs: number): void => {
    if (armed !== undefined && armed.atMs <= atMs) return
    armed?.timer.cancel()
    armed = { atMs, timer: clock.setTimer(Math.max(0, atMs - clock.wallTimeMs()), fire) }
  }
  const cancel = (): void => {
    armed?.timer.cancel()
    armed = undefined
  }
  return { set, cancel }
}
