import type { Clock } from '@capsule/core'

// cells may replace it
const microtask = queueMicrotask

export interface TurnGateOptions {
  readonly clock: Clock
  /** Longest time that text may wait while the program goes on printing. */
  readonly holdMs: number
  /** The turn (its microtask) is over: what waits must leave. */
  readonly endTurn: () => void
}

/** Decides which writes may wait for more of their turn: never the first, and none for longer than `holdMs`. */
export class TurnGate {
  readonly #options: TurnGateOptions
  #isInTurn = false
  #passedAtMs = 0
  readonly #endTurn = (): void => {
    this.#isInTurn = false
    this.#options.endTurn()
  }

  constructor(options: TurnGateOptions) {
    this.#options = options
  }

  /** Asked at each write. */
  holds(): boolean {
    const nowMs = this.#options.clock.now()
    if (this.#isInTurn && nowMs - this.#passedAtMs < this.#options.holdMs) return true
    this.#passedAtMs = nowMs
    if (!this.#isInTurn) {
      this.#isInTurn = true
      microtask(this.#endTurn)
    }
    return false
  }
}
