import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import type { StreamName } from '@capsule/protocol'

/** The looks this app uses. */
export type Look = 'red' | 'yellow' | 'dim'

/** Standard output and error, as far as this app writes them. */
export interface Screen {
  /** Resolves when the stream takes more, so that a slow reader slows the code that prints. */
  write(stream: StreamName, text: string): Promise<void>
  /** A line on a terminal's standard error that the next one, or whatever else is written, replaces. */
  progress(text: string): Promise<void>
  /** Starts a new line unless the last text ended one. */
  freshLine(stream: StreamName): Promise<void>
  /** The unfinished last line, for a prompt that has to stand behind it; it counts as finished from then on. */
  takeLine(stream: StreamName): string
  /** Colours when the stream is a terminal that has them (and `NO_COLOR` is not set). */
  style(stream: StreamName, look: Look, text: string): string
  /** Aborts when nobody reads standard output any more (`| head`). */
  readonly abandoned: AbortSignal
}

type Streams = Readonly<Record<StreamName, Writable & { readonly isTTY?: boolean }>>

const longestLine = 1000
// back to the start of the line, and clear it
const clearLine = '\r\u001B[K'
const progressLength = 70

export function createScreen(streams: Streams): Screen {
  // two terminals are one terminal: what one stream left unfinished, the other finishes
  const isShared = streams.stdout.isTTY === true && streams.stderr.isTTY === true
  const lines: Record<StreamName, string> = { stdout: '', stderr: '' }
  const lineOf = (stream: StreamName): StreamName => (isShared ? 'stdout' : stream)
  const abandonment = new AbortController()
  streams.stdout.on('error', () => abandonment.abort())
  // nowhere is left to say that standard error is gone
  streams.stderr.on('error', () => {})

  let hasProgress = false
  const write = async (stream: StreamName, text: string): Promise<void> => {
    const target = streams[stream]
    if (text === '' || target.destroyed) return
    if (hasProgress) {
      hasProgress = false
      streams.stderr.write(clearLine)
    }
    lines[lineOf(stream)] = lastLine(lines[lineOf(stream)], text)
    if (!target.write(text)) await writableAgain(target)
  }
  return {
    write,
    async progress(text) {
      const { stderr } = streams
      // it would overwrite what stands in an unfinished line
      if (stderr.isTTY !== true || stderr.destroyed || lines[lineOf('stderr')] !== '') return
      hasProgress = true
      if (!stderr.write(`${clearLine}${text.slice(0, progressLength)}`)) await writableAgain(stderr)
    },
    freshLine: (stream) => (lines[lineOf(stream)] === '' ? Promise.resolve() : write(stream, '\n')),
    takeLine(stream) {
      const line = lines[lineOf(stream)]
      lines[lineOf(stream)] = ''
      return line
    },
    style: (stream, look, text) => styleText(look, text, { stream: streams[stream] }),
    abandoned: abandonment.signal,
  }
}

function lastLine(before: string, text: string): string {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'))
  const line = end === -1 ? before + text : text.slice(end + 1)
  return line.length > longestLine ? line.slice(-longestLine) : line
}

async function writableAgain(stream: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = ['drain', 'error', 'close'] as const
  for (const event of events) stream.once(event, resolve)
  await promise
  for (const event of events) stream.off(event, resolve)
}
