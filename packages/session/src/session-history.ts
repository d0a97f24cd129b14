import type { Outcome } from './outcome.ts'

/** One cell that ran. */
export interface HistoryEntry {
  readonly executionId: string
  readonly code: string
  readonly status: Outcome['status']
  readonly state: Outcome['state']
  /** Its number in `In` and `Out`. */
  readonly cell?: number
  /** Holds the namespace as the cell left it. */
  readonly checkpointId?: string
}

/** Unit: cells. Threat: a session that lives for long and runs much. */
const historyLimit = 1000
/** Unit: UTF-16 units of a cell's source; what is longer is cut. */
const codeLimit = 64 * 1024

/** What ran in a session, oldest first, and which checkpoint holds the namespace as each cell left it. */
export class SessionHistory {
  readonly #entries: HistoryEntry[] = []
  /** The namespace is as the last entry left it. */
  #isAtLast = false

  get entries(): readonly HistoryEntry[] {
    return [...this.#entries]
  }

  add(code: string, outcome: Outcome): void {
    const { executionId, status, state, cell, checkpointId } = outcome
    // a worker that took over has not seen what the cell did
    this.#isAtLast = state !== 'lost' && checkpointId === undefined
    this.#entries.push({
      executionId,
      code: code.length > codeLimit ? `${code.slice(0, codeLimit)}…` : code,
      status,
      state,
      ...(cell !== undefined && { cell }),
    })
    if (this.#entries.length > historyLimit) this.#entries.shift()
  }

  /** The namespace is no longer what the last cell left: it was restored, or its worker is gone. */
  moved(): void {
    this.#isAtLast = false
  }

  /** The namespace was emptied on purpose. */
  clear(): void {
    this.#entries.length = 0
    this.#isAtLast = false
  }

  /** A checkpoint was taken of the namespace as it is now. */
  checkpointed(checkpointId: string): void {
    const last = this.#entries.at(-1)
    if (this.#isAtLast && last !== undefined) this.#entries[this.#entries.length - 1] = { ...last, checkpointId }
  }
}
