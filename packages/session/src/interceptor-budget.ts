/** How much of the host's time one interceptor may take. */
export interface InterceptorBudget {
  /** Longer than this is too long for one message; three of those in a row are one too many. @defaultValue 5 */
  readonly perMessageMs: number
  /** What can be saved up, and is there at first. One message counts at most half of it. @defaultValue 250 */
  readonly burstMs: number
  /** What comes back for each millisecond that passes outside of it, from 0 to 1. @defaultValue 0.2 */
  readonly share: number
}

/** What an interceptor has taken of the host's time. */
export interface InterceptorInfo {
  readonly name: string
  /** Shown to it. */
  readonly messages: number
  readonly totalMs: number
  /** For one message. */
  readonly maxMs: number
  /** Why it is no longer called. */
  readonly quarantined?: string
}

/**
 * One slow message proves nothing: a busy machine can take the processor away in the middle of an innocent call. It does
 * so rarely in something short, so several in a row are the interceptor's own doing.
 */
const slowInARow = 3

/** Notes how long each message took, and says when it was too much. */
export class InterceptorMeter {
  readonly #budget: InterceptorBudget
  #savedMs: number
  #endedAtMs: number | undefined
  #slowInARow = 0
  messages = 0
  totalMs = 0
  maxMs = 0

  constructor(budget: InterceptorBudget) {
    this.#budget = budget
    this.#savedMs = budget.burstMs
  }

  /** The reason to call it no more, if there is one. */
  took(startedMs: number, endedMs: number): string | undefined {
    const { perMessageMs, burstMs, share } = this.#budget
    const tookMs = endedMs - startedMs
    this.messages++
    this.totalMs += tookMs
    this.maxMs = Math.max(this.maxMs, tookMs)
    // its own time earns it nothing
    const outsideMs = startedMs - (this.#endedAtMs ?? startedMs)
    this.#endedAtMs = endedMs
    // one pause of the machine leaves the other half
    this.#savedMs = Math.min(burstMs, this.#savedMs + outsideMs * share) - Math.min(tookMs, burstMs / 2)
    this.#slowInARow = tookMs > perMessageMs ? this.#slowInARow + 1 : 0
    if (this.#slowInARow === slowInARow) {
      return `it took more than ${perMessageMs} ms for each of ${slowInARow} messages in a row, the last ${tookMs.toFixed(1)} ms`
    }
    if (this.#savedMs >= 0) return undefined
    const percent = Math.round(share * 100)
    return `it took more than ${percent} % of the time and a burst of ${burstMs} ms: ${this.totalMs.toFixed(1)} ms for ${this.messages} messages`
  }
}
