import readline from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { MaskedOutput } from '../screen/masked-output.ts'
import type { History } from './history.ts'

type Completed = (error: null, result: [names: string[], replaced: string]) => void

/** What came of asking for a line. `interrupt`: Ctrl-C; `end`: Ctrl-D or the end of the input. */
export type Line =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'interrupt'; readonly hadText: boolean }
  | { readonly kind: 'end' }

export interface LineEditorOptions {
  readonly input: Readable
  readonly output: Writable & { readonly columns?: number }
  readonly history: History
  readonly complete: (line: string) => Promise<[names: string[], replaced: string]>
  /** Ctrl-C while nobody waits for a line. */
  readonly onInterrupt: () => void
}

export interface ReadLineOptions {
  readonly prompt: string
  /** An answer, not code: it stays out of the history. */
  readonly isAnswer?: boolean
  readonly secret?: boolean
  /** Gives up waiting: resolves to `end`. */
  readonly signal?: AbortSignal
}

/**
 * One person at one terminal, over node:readline. The terminal stays in raw mode all along, so Ctrl-C is a key that reaches this
 * process only. Lines typed ahead wait for the next reader.
 */
export class LineEditor implements Disposable {
  readonly #options: LineEditorOptions
  readonly #echo: MaskedOutput
  readonly #early: Line[] = []
  #reader: readline.Interface
  #waiting: { readonly isAnswer: boolean; readonly resolve: (line: Line) => void } | undefined
  // disposed, or the terminal went away
  #isOver = false
  #history: string[]

  constructor(options: LineEditorOptions) {
    this.#options = options
    this.#echo = new MaskedOutput(options.output)
    this.#history = options.history.lines
    this.#reader = this.#open()
  }

  async readLine({ prompt, isAnswer = false, secret = false, signal }: ReadLineOptions): Promise<Line> {
    const early = this.#early.shift()
    if (early !== undefined) {
      // its echo went by while the cell ran; show what was asked with what was typed
      this.#options.output.write(`${prompt}${early.kind === 'line' && !secret ? early.text : ''}\n`)
      return early
    }
    if (this.#isOver || signal?.aborted) return { kind: 'end' }
    const { promise, resolve } = Promise.withResolvers<Line>()
    const onAbort = (): void => {
      this.#options.output.write('\n')
      resolve({ kind: 'end' })
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting = { isAnswer, resolve }
    this.#reader.setPrompt(prompt)
    this.#reader.prompt(true)
    this.#echo.isMasked = secret
    try {
      return await promise
    } finally {
      this.#waiting = undefined
      this.#echo.isMasked = false
      if (secret) this.#options.output.write('\n')
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Writes text over the line that is being typed, which moves down unharmed, maybe behind another prompt. */
  writeAbove(write: () => void, prompt?: string): void {
    const { output } = this.#options
    if (this.#waiting === undefined) return write()
    const { rows } = this.#reader.getCursorPos()
    readline.moveCursor(output, 0, -rows)
    readline.cursorTo(output, 0)
    readline.clearScreenDown(output)
    write()
    // readline goes up again by the rows it drew last
    output.write('\n'.repeat(rows))
    if (prompt !== undefined) this.#reader.setPrompt(prompt)
    this.#reader.prompt(true)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#reader.close()
    this.#echo.destroy()
  }

  #open(): readline.Interface {
    const { input, complete, history } = this.#options
    const reader = readline.createInterface({
      input,
      output: this.#echo,
      terminal: true,
      history: [...this.#history],
      historySize: 1000,
      completer: (line: string, done: Completed) => void offer(complete, line, done),
    })
    reader.on('history', (lines: string[]) => {
      const [newest] = lines
      if (this.#waiting?.isAnswer) lines.shift()
      else if (newest !== undefined) history.append(newest)
      this.#history = [...lines]
    })
    reader.on('line', (text) => this.#deliver({ kind: 'line', text }))
    reader.on('SIGINT', () => this.#interrupted(reader))
    reader.on('close', () => this.#closed())
    return reader
  }

  #deliver(line: Line): void {
    if (this.#waiting === undefined) this.#early.push(line)
    else {
      const { resolve } = this.#waiting
      // what follows in the same paste waits for the next reader
      this.#waiting = undefined
      // what is typed from here on is not behind this prompt
      this.#reader.setPrompt('')
      resolve(line)
    }
  }

  #interrupted(reader: readline.Interface): void {
    if (this.#waiting === undefined) {
      this.#early.length = 0
      this.#options.onInterrupt()
      return
    }
    const hadText = reader.line !== ''
    reader.write(null, { ctrl: true, name: 'e' })
    reader.write(null, { ctrl: true, name: 'u' })
    this.#options.output.write('^C\n')
    this.#deliver({ kind: 'interrupt', hadText })
  }

  /** Ctrl-D closes a readline interface for good; here it ends one line only. */
  #closed(): void {
    if (this.#isOver) return
    this.#options.output.write('\n')
    const { input } = this.#options
    if (!input.readableEnded && !input.destroyed) this.#reader = this.#open()
    else this.#isOver = true
    this.#deliver({ kind: 'end' })
  }
}

async function offer(complete: LineEditorOptions['complete'], line: string, completed: Completed): Promise<void> {
  try {
    completed(null, await complete(line))
  } catch {
    // Tab that finds nothing does nothing
    completed(null, [[], line])
  }
}
