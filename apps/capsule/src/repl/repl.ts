import type { Execution, ExecuteOptions, Outcome, Session } from '@capsule/session'
import { type ApprovalEvent, approvalQuestion, decideApproval } from '../screen/approval.ts'
import { displayText, progressText } from '../screen/display-text.ts'
import { endingLines, errorText, exitText } from '../screen/outcome-text.ts'
import type { Look, Screen } from '../screen/screen.ts'
import { type DotCommandScope, isDotCommand, runDotCommand } from './dot-commands.ts'
import type { Line, LineEditor } from './line-editor.ts'

export interface ReplOptions {
  readonly session: Session
  readonly screen: Screen
  /** Made with what to do on Ctrl-C while a cell runs, and with what Tab offers. */
  readonly openEditor: (hooks: ReplHooks) => LineEditor
  /** Ends the REPL from outside (SIGTERM). */
  readonly signal: AbortSignal
}

interface ReplHooks {
  readonly onInterrupt: () => void
  readonly complete: (line: string) => Promise<[names: string[], replaced: string]>
}

/** Reads cells, runs them, shows what they do; until the person leaves. */
export async function runRepl(options: ReplOptions): Promise<void> {
  const repl = new Repl(options)
  try {
    await repl.loop()
  } finally {
    repl[Symbol.dispose]()
  }
}

class Repl implements DotCommandScope {
  readonly session: Session
  readonly #screen: Screen
  readonly #editor: LineEditor
  readonly #signal: AbortSignal
  #next = 1
  /** The lines before the one being typed. */
  #pending: string[] = []
  #running: { readonly execution: Execution; interrupts: number } | undefined
  readonly #unsubscribe: () => void

  constructor({ session, screen, openEditor, signal }: ReplOptions) {
    this.session = session
    this.#screen = screen
    this.#signal = signal
    this.#editor = openEditor({ onInterrupt: () => this.#interrupt(), complete: (line) => this.#complete(line) })
    this.#unsubscribe = this.#subscribe()
  }

  async loop(): Promise<void> {
    for (;;) {
      const code = await this.#readCell()
      if (code === undefined) return
      if (!isDotCommand(code)) await this.run(code)
      else if ((await runDotCommand(code, this)) === 'leave') return
    }
  }

  [Symbol.dispose](): void {
    this.#unsubscribe()
    this.#editor[Symbol.dispose]()
  }

  say(text: string): void {
    void this.#screen.write('stdout', `${text}\n`)
  }

  async restart(): Promise<void> {
    await this.session.restart()
    this.#next = 1
  }

  /** Runs one cell to its end. */
  async run(code: string, options: ExecuteOptions = {}): Promise<Outcome> {
    const execution = this.session.execute(code, { ...options, signal: this.#signal })
    this.#running = { execution, interrupts: 0 }
    const over = new AbortController()
    let asking = Promise.resolve()
    for await (const event of execution) {
      if (event.type === 'output') await this.#screen.write(event.stream, event.text)
      else if (event.type === 'display') await this.#say(displayText(event))
      else if (event.type === 'progress') await this.#screen.progress(progressText(event))
      else if (event.type === 'error') await this.#complain(`Uncaught: ${this.#errorText(event.error, code)}`)
      else if (event.type === 'approval-request')
        asking = asking.then(() => this.#approve(execution, event, over.signal))
      else asking = asking.then(() => this.#answer(execution, event, over.signal))
    }
    const outcome = await execution.outcome
    over.abort()
    await asking
    this.#running = undefined
    await this.#show(outcome, code)
    return outcome
  }

  /** Lines until they make a whole cell; undefined to leave. */
  async #readCell(): Promise<string | undefined> {
    this.#pending = []
    let isWarned = false
    for (;;) {
      await this.#screen.freshLine('stdout')
      const isFirst = this.#pending.length === 0
      const line = await this.#editor.readLine({ prompt: this.#prompt(), signal: this.#signal })
      switch (line.kind) {
        case 'end':
          return undefined
        case 'interrupt':
          if (isFirst && !line.hadText) {
            if (isWarned) return undefined
            isWarned = true
            this.say('(Ctrl-C again, Ctrl-D or .exit leaves)')
          }
          this.#pending = []
          break
        case 'line': {
          isWarned = false
          this.#pending.push(line.text)
          const code = this.#pending.join('\n')
          if (code.trim() === '') this.#pending = []
          else if ((isFirst && isDotCommand(code)) || (await this.#isWhole(code))) {
            this.#pending = []
            return code
          }
        }
      }
    }
  }

  /** `12> `, or as wide a one in the lines that follow. */
  #prompt(): string {
    const number = String(this.#next)
    return this.#paint('dim', this.#pending.length === 0 ? `${number}> ` : `${'.'.repeat(number.length)}. `)
  }

  async #isWhole(code: string): Promise<boolean> {
    try {
      const answer = await this.session.inspect({ what: 'completeness', code }, { timeoutMs: 2000 })
      return answer.what !== 'completeness' || answer.status !== 'incomplete'
    } catch {
      // a worker that can't say gets the code and says what is wrong with it
      return true
    }
  }

  async #complete(line: string): Promise<[string[], string]> {
    const code = [...this.#pending, line].join('\n')
    const query = { what: 'completions', code, cursor: code.length } as const
    const answer = await this.session.inspect(query, { timeoutMs: 1000 })
    return answer.what === 'completions' ? [answer.names, code.slice(answer.from)] : [[], line]
  }

  async #answer(
    execution: Execution,
    { inputId, prompt, secret }: { inputId: string; prompt: string; secret?: true },
    signal: AbortSignal,
  ): Promise<void> {
    const line = await this.#readAnswer(prompt, secret === true, signal)
    if (line.kind === 'interrupt') this.#interrupt()
    // the request may have ended by itself
    else await execution.respond(inputId, line.kind === 'line' ? line.text : null).catch(() => {})
  }

  async #approve(execution: Execution, approval: ApprovalEvent, signal: AbortSignal): Promise<void> {
    const line = await this.#readAnswer(approvalQuestion(approval), false, signal)
    if (line.kind === 'interrupt') return this.#interrupt()
    await decideApproval(execution, approval, line.kind === 'line' ? line.text : null)
  }

  async #readAnswer(prompt: string, secret: boolean, signal: AbortSignal): Promise<Line> {
    // the line editor redraws its whole line, so what the cell left unfinished there belongs to the prompt
    const text = this.#screen.takeLine('stdout') + prompt
    const lastLine = text.lastIndexOf('\n') + 1
    await this.#screen.write('stdout', text.slice(0, lastLine))
    return this.#editor.readLine({ prompt: text.slice(lastLine), isAnswer: true, secret, signal })
  }

  #interrupt(): void {
    const running = this.#running
    if (running === undefined) return
    // the second time, whoever presses Ctrl-C does not want to wait any more
    void running.execution.cancel(running.interrupts++ === 0 ? {} : { graceMs: 0 })
  }

  async #show(outcome: Outcome, code: string): Promise<void> {
    if (outcome.state === 'lost') this.#next = 1
    else if (outcome.cell !== undefined) this.#next = outcome.cell + 1
    if (outcome.status === 'ok') {
      await this.#screen.freshLine('stdout')
      if (outcome.text !== undefined && outcome.text !== 'undefined') this.say(outcome.text)
      return
    }
    if (outcome.status === 'error' && outcome.error !== undefined)
      await this.#complain(this.#errorText(outcome.error, code))
    for (const line of endingLines(outcome)) await this.#complain(this.#paint('yellow', line))
  }

  async #say(text: string | undefined): Promise<void> {
    if (text === undefined) return
    await this.#screen.freshLine('stdout')
    await this.#screen.write('stdout', `${text}\n`)
  }

  async #complain(text: string): Promise<void> {
    await this.#screen.freshLine('stderr')
    await this.#screen.write('stderr', `${text}\n`)
  }

  #errorText(error: Parameters<typeof errorText>[0], code?: string): string {
    return errorText(error, { code, paint: (look, text) => this.#paint(look, text) })
  }

  #paint(look: Look, text: string): string {
    return this.#screen.style('stdout', look, text)
  }

  /** What happens between cells is shown above the line being typed. */
  #subscribe(): () => void {
    const { events } = this.session
    const above = (stream: 'stdout' | 'stderr', text: string): void => {
      if (this.#running !== undefined) void this.#screen.write(stream, text)
      else {
        const line = text.endsWith('\n') ? text : `${text}\n`
        this.#editor.writeAbove(() => void this.#screen.write(stream, line), this.#prompt())
      }
    }
    const listeners = {
      late: (event: Parameters<Parameters<typeof this.session.events.on<'late'>>[1]>[0]): void => {
        if (event.type === 'output') above(event.stream, event.text)
        else if (event.type === 'display' && event.action !== 'clear') above('stdout', displayText(event) ?? '')
        else if (event.type === 'error') above('stderr', `Uncaught, late: ${this.#errorText(event.error)}\n`)
      },
      stray: ({ stream, text }: { stream: 'stdout' | 'stderr'; text: string }): void => above(stream, text),
      crashed: (exit: { code: number | null; signal: string | null }): void => {
        // the outcome of a running cell says it itself
        if (this.#running !== undefined) return
        this.#next = 1
        // told here; without this the next cell would be told instead of run
        void this.session.restart().catch((error: unknown) => above('stderr', `No new worker: ${String(error)}`))
        above('stderr', this.#paint('yellow', `The worker ${exitText(exit)}. The bindings of this session are lost.\n`))
      },
    }
    events.on('late', listeners.late).on('stray', listeners.stray).on('crashed', listeners.crashed)
    return () => events.off('late', listeners.late).off('stray', listeners.stray).off('crashed', listeners.crashed)
  }
}
