import type { Clock, Timer } from '@capsule/core'
import type { Budget } from './policy-rule.ts'

export type BudgetScope = 'execution' | 'session'

/** What is used up: the name of the limit in the rule, and its number. */
export interface Overrun {
  readonly limit: keyof Budget
  readonly allowed: number
  readonly per: BudgetScope
}

/** What the calls of one rule have used in one execution or in the session. */
export class BudgetAccount {
  readonly #per: BudgetScope
  readonly #clock: Clock
  #budget: Budget
  #calls = 0
  #inputBytes = 0
  #outputBytes = 0
  #usedMs = 0
  #countedAtMs = 0
  #timer: Timer | undefined
  readonly #running = new Set<(overrun: Overrun) => void>()

  constructor(budget: Budget, per: BudgetScope, clock: Clock) {
    this.#budget = budget
    this.#per = per
    this.#clock = clock
  }

  /** What was used stays used when the limits change. */
  setBudget(budget: Budget): void {
    this.#budget = budget
  }

  /** Why one more call with this much input has no room; nothing is taken. */
  findOverrun(inputBytes: number): Overrun | undefined {
    const { calls = Infinity, timeMs = Infinity, outputBytes = Infinity } = this.#budget
    if (this.#calls + 1 > calls) return this.#overrun('calls', calls)
    const input = this.findInputOverrun(inputBytes)
    if (input !== undefined) return input
    // an answer has at least one byte
    if (this.#outputBytes + 1 > outputBytes) return this.#overrun('outputBytes', outputBytes)
    this.#countTime()
    if (this.#usedMs >= timeMs) return this.#overrun('timeMs', timeMs)
    return undefined
  }

  findInputOverrun(bytes: number): Overrun | undefined {
    const { inputBytes = Infinity } = this.#budget
    return this.#inputBytes + bytes > inputBytes ? this.#overrun('inputBytes', inputBytes) : undefined
  }

  findOutputOverrun(bytes: number): Overrun | undefined {
    const { outputBytes = Infinity } = this.#budget
    return this.#outputBytes + bytes > outputBytes ? this.#overrun('outputBytes', outputBytes) : undefined
  }

  takeCall(inputBytes: number): void {
    this.#calls++
    this.#inputBytes += inputBytes
  }

  takeInput(bytes: number): void {
    this.#inputBytes += bytes
  }

  takeOutput(bytes: number): void {
    this.#outputBytes += bytes
  }

  /** Time runs for each handler, from here until `stopTime`; `onOverrun` is called when none is left. */
  startTime(onOverrun: (overrun: Overrun) => void): void {
    if (this.#budget.timeMs === undefined) return
    this.#countTime()
    this.#running.add(onOverrun)
    this.#setTimer()
  }

  stopTime(onOverrun: (overrun: Overrun) => void): void {
    if (!this.#running.has(onOverrun)) return
    this.#countTime()
    this.#running.delete(onOverrun)
    this.#setTimer()
  }

  #countTime(): void {
    const nowMs = this.#clock.now()
    this.#usedMs += this.#running.size * (nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
  }

  /** Several handlers use the time several times as fast. */
  #setTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const { timeMs } = this.#budget
    if (timeMs === undefined || this.#running.size === 0) return
    const leftMs = Math.max(0, timeMs - this.#usedMs) / this.#running.size
    this.#timer = this.#clock.setTimer(leftMs, () => {
      for (const onOverrun of this.#running) onOverrun(this.#overrun('timeMs', timeMs))
    })
  }

  #overrun(limit: keyof Budget, allowed: number): Overrun {
    return { limit, allowed, per: this.#per }
  }
}
