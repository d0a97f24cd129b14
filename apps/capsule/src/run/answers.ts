import readline from 'node:readline'
import type { Readable } from 'node:stream'
import type { Screen } from '../screen/screen.ts'

interface Question {
  readonly prompt: string
  readonly secret?: true | undefined
}

/** Where the answers to a cell's prompts come from. */
export interface Answers extends Disposable {
  /** Shows the prompt and resolves to the answer; to null at the end of the input or when the signal fires. */
  ask(question: Question, signal: AbortSignal): Promise<string | null>
}

export interface LineAnswersOptions {
  /** Absent: every prompt is at the end of its input, as when the code itself came from standard input. */
  readonly input?: Readable | undefined
  /** Where prompts are shown. Absent: they are not. */
  readonly screen?: Screen | undefined
}

/** One line of a pipe or file per prompt. Nothing is read before the first prompt. */
export function createLineAnswers({ input, screen }: LineAnswersOptions): Answers {
  const lines = input === undefined ? undefined : new LineReader(input)
  return {
    async ask({ prompt }, signal) {
      await screen?.write('stdout', prompt)
      const answer = (await lines?.next(signal)) ?? null
      // nobody pressed Enter
      await screen?.freshLine('stdout')
      return answer
    },
    [Symbol.dispose]() {
      lines?.[Symbol.dispose]()
    },
  }
}

class LineReader implements Disposable {
  readonly #input: Readable
  readonly #lines: string[] = []
  #reader: readline.Interface | undefined
  #isEnded = false
  #wake = (): void => {}

  constructor(input: Readable) {
    this.#input = input
  }

  async next(signal: AbortSignal): Promise<string | undefined> {
    this.#reader ??= this.#open()
    while (this.#lines.length === 0 && !this.#isEnded && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      signal.addEventListener('abort', this.#wake, { once: true })
      this.#reader.resume()
      await promise
      signal.removeEventListener('abort', this.#wake)
    }
    return signal.aborted ? undefined : this.#lines.shift()
  }

  [Symbol.dispose](): void {
    if (this.#reader === undefined) return
    this.#reader.close()
    this.#input.destroy()
  }

  #open(): readline.Interface {
    const reader = readline.createInterface({ input: this.#input, crlfDelay: Infinity, terminal: false })
    reader.on('line', (line) => {
      this.#lines.push(line)
      // the rest stays in the pipe until it is asked for
      if (!this.#isEnded) reader.pause()
      this.#wake()
    })
    reader.on('close', () => {
      this.#isEnded = true
      this.#wake()
    })
    return reader
  }
}
