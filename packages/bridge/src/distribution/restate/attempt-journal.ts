import { type Clock, sleep } from '@capsule/core'
import type { Context } from '@restatedev/restate-sdk'

export interface AttemptJournalParts {
  readonly context: Pick<Context, 'run'>
  readonly clock: Clock
  /** Between signs of life. Milliseconds. */
  readonly everyMs: number
  /** The connection of this invocation is lost, or it has ended. */
  readonly over: AbortSignal
}

/** All entries have one name: the server refuses a journal that is replayed with other names. */
const mark = 'mark'

/**
 * What the server keeps of one execution, for whichever host is asked next: which attempts have begun, and signs of life.
 * (What the server counts as retries has every refused connection in it.)
 */
export class AttemptJournal {
  readonly #parts: AttemptJournalParts
  #attempts = 0
  #isReplayed = false

  constructor(parts: AttemptJournalParts) {
    this.#parts = parts
  }

  /** Each attempt adds an entry before it begins; resolves to its number. */
  async beginAttempt(): Promise<number> {
    await this.#add('attempt')
    return this.#attempts
  }

  /** Adds an entry now and then until it is settled, however: the server takes a host that says nothing for lost. */
  async showLifeDuring(work: Promise<unknown>): Promise<void> {
    const { clock, everyMs, over } = this.#parts
    const settled = new AbortController()
    const end = (): void => settled.abort()
    void work.then(end, end)
    const signal = AbortSignal.any([settled.signal, over])
    // what is replayed is no sign
    if (!this.#isReplayed) await this.#add('alive')
    while (!signal.aborted) {
      await sleep(clock, everyMs, { signal }).catch(() => {})
      if (!signal.aborted) await this.#add('alive')
    }
  }

  async #add(entry: 'attempt' | 'alive'): Promise<void> {
    for (let isNew = false; !isNew;) {
      const found = await this.#parts.context.run(mark, () => {
        isNew = true
        return entry
      })
      if (found === 'attempt') this.#attempts++
    }
    this.#isReplayed = true
  }
}
