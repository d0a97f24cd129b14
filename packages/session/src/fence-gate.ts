import type { Clock, Timer } from '@capsule/core'

type StreamName = 'stdout' | 'stderr'

interface Waiting {
  readonly fence: number
  readonly sinceMs: number
  readonly onPassed: () => void
}

/** A native writer may hold a stream open for ever; an outcome does not wait for it longer than this. */
const fenceWaitMs = 2000

/** Holds an outcome back until what was written on fd 1 and 2 before it has been read. */
export class FenceGate {
  readonly #clock: Clock
  readonly #seen: Record<StreamName, number> = { stdout: 0, stderr: 0 }
  #waiting: Waiting | undefined
  #timer: Timer | undefined
  #isOpen = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  seen(stream: StreamName, fence: number): void {
    this.#seen[stream] = Math.max(this.#seen[stream], fence)
    if (this.#waiting !== undefined && this.#isPassed(this.#waiting.fence)) this.#pass()
  }

  /** Calls back, at once or later, exactly once. One outcome waits at a time. */
  wait(fence: number, onPassed: () => void): void {
    if (this.#isPassed(fence)) return onPassed()
    this.#waiting = { fence, sinceMs: this.#clock.now(), onPassed }
    this.#arm(fenceWaitMs)
  }

  /** The process is gone: nothing more can come. */
  open(): void {
    this.#isOpen = true
    this.#timer?.cancel()
    this.#pass()
  }

  #isPassed(fence: number): boolean {
    return this.#isOpen || (this.#seen.stdout >= fence && this.#seen.stderr >= fence)
  }

  #pass(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.onPassed()
  }

  // one timer serves many waits: setting and clearing one per execution would cost more than the wait itself
  #arm(delayMs: number, isLast = false): void {
    this.#timer ??= this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined
      if (this.#waiting === undefined) return
      const leftMs = this.#waiting.sinceMs + fenceWaitMs - this.#clock.now()
      if (leftMs > 0) this.#arm(leftMs)
      // timers come before reads: after a pause of this whole process the fences may be there, unread
      else if (!isLast) this.#arm(1, true)
      else this.#giveUp(this.#waiting.fence)
    })
  }

  /** The cell has closed the stream, or blocks it: later outcomes do not wait for it again. */
  #giveUp(fence: number): void {
    for (const stream of ['stdout', 'stderr'] as const) if (this.#seen[stream] < fence) this.#seen[stream] = Infinity
    this.#pass()
  }
}
