import { StringDecoder } from 'node:string_decoder'
import { type CapabilityContext, type CapabilityReply, capabilityReply } from '@capsule/provider-sdk'
import { type Channel, coreErrors, createChannel } from '@capsule/core'
import { type RunningCommand, startCommand } from './running-command.ts'
import type { ShellHost } from './shell-host.ts'
import type { ShellEvent, ShellInput } from './shell-input.ts'

/** Output beyond that is not read until the cell has read what is there. unit: bytes */
const highWaterBytes = 256 * 1024

/** Starts a command and hands on what it writes as it comes; a reader that is slow makes the command wait. */
export async function streamCommand(
  host: ShellHost,
  input: ShellInput,
  context: CapabilityContext,
): Promise<CapabilityReply> {
  const events = createChannel<ShellEvent>({
    weigh: (event) => (event.type === 'output' ? (event.bytes ?? event.text ?? '').length : 0),
    onTake: () => events.size < highWaterBytes && running?.setOutputPaused(false),
  })
  const encoder = createEncoder(input.encoding, (event) => events.push(event))
  let running: RunningCommand | undefined
  running = await startCommand(host, input, context, (stream, chunk) => {
    encoder.add(stream, chunk)
    if (events.size >= highWaterBytes) running?.setOutputPaused(true)
  })
  const isOver = running.ended.then(
    ({ exitCode, signal, durationMs, truncated }) => {
      encoder.end()
      events.push({ type: 'exit', exitCode, signal, durationMs, ...(truncated ? { truncated } : {}) })
      events.close()
    },
    (error: unknown) => events.close(error),
  )
  return capabilityReply({}, bodyOf(input.command, { events, running, isOver }))
}

interface BodyParts {
  readonly events: Channel<ShellEvent>
  readonly running: RunningCommand
  readonly isOver: Promise<void>
}

/** Not a generator: one that was never read would not notice that it is left. */
function bodyOf(command: string, { events, running, isOver }: BodyParts): AsyncIterable<ShellEvent> {
  const iterator: AsyncIterableIterator<ShellEvent, undefined> = {
    next: () => events.next(),
    async return() {
      running.end(coreErrors.CANCELLED({ what: `the command ${command}` }))
      await isOver
      return events.return?.() ?? { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}

interface Encoder {
  add(stream: 'stdout' | 'stderr', chunk: Buffer): void
  end(): void
}

function createEncoder(encoding: ShellInput['encoding'], emit: (event: ShellEvent) => void): Encoder {
  if (encoding === 'bytes') {
    return { add: (stream, chunk) => emit({ type: 'output', stream, bytes: new Uint8Array(chunk) }), end: () => {} }
  }
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const tell = (stream: 'stdout' | 'stderr', text: string): void => {
    if (text !== '') emit({ type: 'output', stream, text })
  }
  return {
    add: (stream, chunk) => tell(stream, decoders[stream].write(chunk)),
    end() {
      for (const stream of ['stdout', 'stderr'] as const) tell(stream, decoders[stream].end())
    },
  }
}
