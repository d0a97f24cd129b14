/** Numbers the executions of one session, so that an id can be recognised without remembering every one. */
export class ExecutionIds {
  readonly #prefix: string
  #count = 0
  #firstOfGeneration = 1

  constructor(origin: string) {
    this.#prefix = `${origin}-`
  }

  next(): string {
    this.#count++
    return this.#prefix + this.#count
  }

  /** Ids issued before this call, and before the first that waits for the next worker, belong to an earlier one. */
  startGeneration(firstQueued: string | undefined): void {
    const next = this.#count + 1
    this.#firstOfGeneration = firstQueued === undefined ? next : Number(firstQueued.slice(this.#prefix.length))
  }

  isIssued(id: string): boolean {
    if (!id.startsWith(this.#prefix)) return false
    const digits = id.slice(this.#prefix.length)
    const number = Number(digits)
    return number >= this.#firstOfGeneration && number <= this.#count && String(number) === digits
  }
}
