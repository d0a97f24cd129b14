import type { OutputCounters } from '@capsule/protocol'

interface Account {
  readonly counters: OutputCounters
  isSettled: boolean
}

const noCounters = (): OutputCounters => ({ bytes: 0, droppedBytes: 0, droppedChunks: 0 })

/** What was done with the output of each execution, until its terminal message takes it along. */
export class OutputLedger {
  readonly total = noCounters()
  readonly #accounts = new Map<string, Account>()

  /** Its terminal message is queued: what is written now is late. */
  isSettled(executionId: string): boolean {
    return this.#accounts.get(executionId)?.isSettled === true
  }

  /** Says whether this was the first call for the execution. */
  settle(executionId: string): boolean {
    const account = this.#accountOf(executionId)
    if (account.isSettled) return false
    account.isSettled = true
    return true
  }

  countersOf(executionId: string, late: boolean): readonly OutputCounters[] {
    return late ? [this.total] : [this.total, this.#accountOf(executionId).counters]
  }

  /** Its counters, which end here. */
  close(executionId: string): OutputCounters {
    const counters = this.#accounts.get(executionId)?.counters ?? noCounters()
    this.#accounts.delete(executionId)
    return counters
  }

  clear(): void {
    this.#accounts.clear()
  }

  #accountOf(executionId: string): Account {
    let account = this.#accounts.get(executionId)
    if (account === undefined) {
      account = { counters: noCounters(), isSettled: false }
      this.#accounts.set(executionId, account)
    }
    return account
  }
}
