/** Frees the place; calling it again does nothing. */
export type FreePlace = () => void

/** A fixed number of places, first come first served. */
export class Places {
  readonly #capacity: number
  readonly #onChange: () => void
  readonly #waiting = new Set<PromiseWithResolvers<FreePlace | undefined>>()
  #taken = 0
  #isClosed = false
  readonly #emptied = Promise.withResolvers<void>()

  /** `onChange`: the last place was taken, one became free, or nothing is given out any more. */
  constructor(capacity: number, onChange: () => void) {
    this.#capacity = capacity
    this.#onChange = onChange
  }

  get hasFree(): boolean {
    return !this.#isClosed && this.#taken < this.#capacity
  }

  tryTake(): FreePlace | undefined {
    return this.hasFree ? this.#give() : undefined
  }

  /** `undefined`: closed before there was one. */
  async take(): Promise<FreePlace | undefined> {
    if (this.#isClosed) return undefined
    const free = this.tryTake()
    if (free !== undefined) return free
    const waiting = Promise.withResolvers<FreePlace | undefined>()
    this.#waiting.add(waiting)
    return waiting.promise
  }

  /** Gives out no more; resolves when every place is free again. */
  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      for (const waiting of this.#waiting) waiting.resolve(undefined)
      this.#waiting.clear()
      if (this.#taken === 0) this.#emptied.resolve()
      this.#onChange()
    }
    return this.#emptied.promise
  }

  #give(): FreePlace {
    this.#taken++
    if (!this.hasFree) this.#onChange()
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#free()
    }
  }

  #free(): void {
    this.#taken--
    const [next] = this.#waiting
    if (next !== undefined) {
      this.#waiting.delete(next)
      next.resolve(this.#give())
      return
    }
    if (this.#isClosed && this.#taken === 0) this.#emptied.resolve()
    this.#onChange()
  }
}
