import readline from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { StreamName } from '@capsule/protocol'
import { MaskedOutput } from '../screen/masked-output.ts'
import type { Screen } from '../screen/screen.ts'
import type { Answers } from './answers.ts'

export interface TerminalAnswersOptions {
  readonly input: Readable
  readonly output: Writable
  readonly screen: Screen
  /** Which stream of the screen `output` is. */
  readonly stream: StreamName
  readonly onInterrupt: () => void
}

/** Asks a person. The terminal is in raw mode only while it asks, so that Ctrl-C is a signal the rest of the time. */
export function createTerminalAnswers(options: TerminalAnswersOptions): Answers {
  const { output, screen, stream } = options
  // lines that came in one piece with an answer (pasted) answer the prompts that follow
  const pasted: string[] = []
  return {
    async ask({ prompt, secret }, signal) {
      // readline redraws its whole line, so what a cell left unfinished there belongs to the prompt
      const text = screen.takeLine(stream) + prompt
      const lastLine = text.lastIndexOf('\n') + 1
      output.write(text.slice(0, lastLine))
      const early = pasted.shift()
      if (early === undefined) return readAnswer({ ...options, pasted, prompt: text.slice(lastLine), secret, signal })
      output.write(`${text.slice(lastLine)}${secret ? '' : early}\n`)
      return early
    },
    [Symbol.dispose]() {},
  }
}

interface Reading extends TerminalAnswersOptions {
  readonly pasted: string[]
  readonly prompt: string
  readonly secret: true | undefined
  readonly signal: AbortSignal
}

async function readAnswer({
  input,
  output,
  onInterrupt,
  pasted,
  prompt,
  secret,
  signal,
}: Reading): Promise<string | null> {
  if (signal.aborted) return null
  const echo = new MaskedOutput(output)
  const reader = readline.createInterface({ input, output: echo, terminal: true, historySize: 0 })
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const onEnd = (): void => resolve(null)
  reader.on('line', (line) => pasted.push(line))
  // the other lines of a paste follow within this turn of the event loop
  reader.once('line', () => setImmediate(() => resolve(pasted.shift() ?? null)))
  reader.once('close', onEnd)
  reader.on('SIGINT', onInterrupt)
  signal.addEventListener('abort', onEnd, { once: true })
  reader.setPrompt(prompt)
  reader.prompt()
  echo.isMasked = secret === true
  try {
    const answer = await promise
    if (answer === null || secret) output.write('\n')
    return answer
  } finally {
    signal.removeEventListener('abort', onEnd)
    reader.close()
    echo.destroy()
  }
}
