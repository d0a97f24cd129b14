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

type Entry = 'attempt' | 'alive' | { readonly answer: string }

/**
 * What the server keeps of one execution, for whichever host is asked next: which attempts have begun, signs of life, and the
 * answer. (What the server counts as retries has every refused connection in it.) A server that is killed after it was
 * answered may ask again, and refuses a handler that then does anything but return the same: so the answer is an entry first.
 */
export class AttemptJournal {
  readonly #parts: AttemptJournalParts
  #attempts = 0
  #isReplayed = false
  #answer: string | undefined

  constructor(parts: AttemptJournalParts) {
    this.#parts = parts
  }

  /** It was answered before: nothing may be added any more. Known once something was added. */
  get answer(): string | undefined {
    return this.#answer
  }

  /** Resolves to what the server is to be given: this answer, or the one before. */
  async record(answer: string): Promise<string> {
    await this.#add({ answer })
    return this.#answer ?? answer
  }

  /** Each attempt adds an entry before it begins; resolves to its number. */
  async beginAttempt(): Promise<number> {
    await this.#add('attempt')
    return this.#attempts
  }

  /**
   * Adds an entry now and then until it is settled, however: the server takes a host that says nothing for lost. Ends at once
   * when there is an answer.
   */
  async showLifeDuring(work: Promise<unknown>): Promise<void> {
    const { clock, everyMs, over } = this.#parts
    const settled = new AbortController()
    const end = (): void => settled.abort()
    void work.then(end, end)
    const signal = AbortSignal.any([settled.signal, over])
    // what is replayed is no sign
    if (!this.#isReplayed) await this.#add('alive')
    while (!signal.aborted && this.#answer === undefined) {
      await sleep(clock, everyMs, { signal }).catch(() => {})
      if (!signal.aborted) await this.#add('alive')
    }
  }

  async #add(entry: Entry): Promise<void> {
    for (let isNew = false; !isNew && this.#answer === undefined;) {
      const found: Entry = await this.#parts.context.run<Entry>(mark, () => {
        isNew = true
        return entry
      })
      if (found === 'attempt') this.#attempts++
      if (typeof found === 'object') this.#answer = found.answer
    }
    this.#isReplayed = true
  }
}
