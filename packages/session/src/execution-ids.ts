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

  /** Ids issued before this call belong to an earlier worker; the present one cannot speak of them. */
  startGeneration(queued: number): void {
    this.#firstOfGeneration = this.#count + 1 - queued
  }

  isIssued(id: string): boolean {
    if (!id.startsWith(this.#prefix)) return false
    const digits = id.slice(this.#prefix.length)
    const number = Number(digits)
    return number >= this.#firstOfGeneration && number <= this.#count && String(number) === digits
  }
}
