import type { Clock, Timer } from '@capsule/core'

export interface FakeClock extends Clock {
  /** Moves time on and calls every timer that comes due, in the order of their times, each at its own time. */
  advance(delayMs: number): void
  /** Timers set and neither fired nor cancelled. */
  readonly pendingTimers: number
  /** Resolves once at least `count` timers are pending, so that a test can advance without guessing. @defaultValue 1 */
  timerSet(count?: number): Promise<void>
}

interface PendingTimer {
  readonly dueAtMs: number
  readonly callback: () => void
}

/** A {@link Clock} that stands still until `advance` is called. Starts at 0 (monotonic) and 2030-01-01 (wall). */
export function createFakeClock(): FakeClock {
  const startedAtMs = Date.UTC(2030, 0, 1)
  const timers = new Set<PendingTimer>()
  let waiting: { count: number; resolve: () => void }[] = []
  let nowMs = 0

  // a Set keeps insertion order, so of two timers due at once the older is found first
  const earliest = (): PendingTimer | undefined => {
    let first: PendingTimer | undefined
    for (const timer of timers) if (first === undefined || timer.dueAtMs < first.dueAtMs) first = timer
    return first
  }

  return {
    now: () => nowMs,
    wallTimeMs: () => startedAtMs + nowMs,
    setTimer(delayMs, callback): Timer {
      const timer = { dueAtMs: nowMs + Math.max(0, delayMs), callback }
      timers.add(timer)
      for (const { count, resolve } of waiting) if (timers.size >= count) resolve()
      waiting = waiting.filter(({ count }) => timers.size < count)
      return { cancel: () => void timers.delete(timer) }
    },
    advance(delayMs) {
      const endMs = nowMs + delayMs
      for (let timer = earliest(); timer !== undefined && timer.dueAtMs <= endMs; timer = earliest()) {
        timers.delete(timer)
        nowMs = timer.dueAtMs
        timer.callback()
      }
      nowMs = endMs
    },
    get pendingTimers() {
      return timers.size
    },
    timerSet(count = 1) {
      if (timers.size >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
  }
}
