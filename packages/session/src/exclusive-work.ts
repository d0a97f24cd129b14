/** What must have the worker to itself: it waits for the cells that run, and the cells that come wait for it. */
export class ExclusiveWork {
  readonly #waiting: (() => void)[] = []
  readonly #onFree: () => void
  #isActive = false

  /** `onFree`: called when cells may run again. */
  constructor(onFree: () => void) {
    this.#onFree = onFree
  }

  /** Something runs or waits: no cell may start. */
  get isWanted(): boolean {
    return this.#isActive || this.#waiting.length > 0
  }

  /** Runs when it is its turn; `mayStart` says whether nothing else runs, and is asked again at each `proceed`. */
  async run<T>(work: () => Promise<T>, mayStart: () => boolean): Promise<T> {
    if (this.#isActive || !mayStart()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isActive = true
    try {
      return await work()
    } finally {
      this.#isActive = false
      if (!this.proceed()) this.#onFree()
    }
  }

  /** Nothing runs any more: the next may start, if there is one. */
  proceed(): boolean {
    if (this.#isActive) return true
    const next = this.#waiting.shift()
    if (next === undefined) return false
    this.#isActive = true
    next()
    return true
  }
}
