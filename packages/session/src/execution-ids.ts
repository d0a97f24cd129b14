/** Numbers the executions of one session, so that an id can be recognised without remembering every one. */
export class ExecutionIds {
  readonly #prefix: string
  #count = 0
  #firstOfGeneration = 1
  #firstKept = 1

  constructor(origin: string) {
    this.#prefix = `${origin}-`
  }

  next(): string {
    this.#count++
    return this.#prefix + this.#count
  }

  /** Ids issued before this call, and before the first that waits for the next worker, belong to an earlier one. */
  startGeneration(firstQueued: string | undefined): void {
    this.#firstOfGeneration = this.#firstAfter(firstQueued)
  }

  /** What executions of ids before, and before the first that waits, still say is for nobody. */
  forget(firstQueued: string | undefined): void {
    this.#firstKept = this.#firstAfter(firstQueued)
  }

  /** Of an id that was issued. */
  isForgotten(id: string): boolean {
    return Number(id.slice(this.#prefix.length)) < this.#firstKept
  }

  isIssued(id: string): boolean {
    if (!id.startsWith(this.#prefix)) return false
    const digits = id.slice(this.#prefix.length)
    const number = Number(digits)
    return number >= this.#firstOfGeneration && number <= this.#count && String(number) === digits
  }

  #firstAfter(firstQueued: string | undefined): number {
    return firstQueued === undefined ? this.#count + 1 : Number(firstQueued.slice(this.#prefix.length))
  }
}
