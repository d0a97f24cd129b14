import { Console } from 'node:console'
import type { StreamName } from '@capsule/protocol'
import { executorErrors } from './errors.ts'
import { installFsCapture } from './fs-capture.ts'
import { createGuestStream, type GuestStream } from './guest-stream.ts'

export interface OutputCaptureOptions {
  /** Takes what is printed. What it throws is swallowed, except OUTPUT_OVERFLOW, which the printing code gets. */
  readonly write: (stream: StreamName, text: string) => void
}

/**
 * Puts `console`, `process.stdout`, `process.stderr` and JavaScript writes to fd 1 and 2 in place of Node's, before the
 * real streams are touched. Returns the way to put Node's back. Native writes and child processes are not seen here.
 */
export function installOutputCapture({ write }: OutputCaptureOptions): () => void {
  const print = (stream: StreamName, text: string): void => {
    try {
      write(stream, text)
    } catch (error) {
      if (executorErrors.OUTPUT_OVERFLOW.is(error)) throw error
    }
  }
  const stdout = createGuestStream(1, (text) => print('stdout', text))
  const stderr = createGuestStream(2, (text) => print('stderr', text))
  const nodeConsole = globalThis.console
  const restores = [
    replace(process, 'stdout', { get: () => stdout, enumerable: true }),
    replace(process, 'stderr', { get: () => stderr, enumerable: true }),
    replace(globalThis, 'console', { value: createGuestConsole(stdout, stderr), writable: true }),
    installFsCapture(stdout, stderr),
  ]
  return () => {
    unbind(nodeConsole, { _stdout: stdout, _stderr: stderr })
    for (const restore of restores.splice(0)) restore()
    stdout.flushDecoder()
    stderr.flushDecoder()
  }
}

function replace(target: object, name: string, descriptor: PropertyDescriptor): () => void {
  const original = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { configurable: true, ...descriptor })
  return () => {
    if (original !== undefined) Object.defineProperty(target, name, original)
  }
}

/** Node's console binds to `process.stdout` on first use, as through `import console from 'node:console'`: to ours, then. */
function unbind(nodeConsole: object, streams: Readonly<Record<string, GuestStream>>): void {
  for (const [name, stream] of Object.entries(streams))
    if (Reflect.get(nodeConsole, name) === stream) Reflect.set(nodeConsole, name, undefined)
}

/** A real Console, with a short way for the one call that programs make all the time: one string, no group. */
function createGuestConsole(stdout: GuestStream, stderr: GuestStream): Console {
  // ignoreErrors would swallow OUTPUT_OVERFLOW
  const guest = new Console({ stdout, stderr, ignoreErrors: false })
  let depth = 0
  for (const name of ['group', 'groupCollapsed'] as const) {
    const enter = guest[name]
    guest[name] = (...label) => {
      enter(...label)
      depth++
    }
  }
  const leave = guest.groupEnd.bind(guest)
  guest.groupEnd = () => {
    leave()
    depth = Math.max(0, depth - 1)
  }
  const shorten = (name: 'log' | 'info' | 'debug' | 'warn' | 'error', stream: GuestStream): void => {
    const format = guest[name]
    guest[name] = (...values: unknown[]) => {
      const text = values[0]
      // through `write` as it is now: programs replace it to see what is printed
      if (depth === 0 && values.length === 1 && typeof text === 'string') stream.write(`${text}\n`)
      else format(...values)
    }
  }
  for (const name of ['log', 'info', 'debug'] as const) shorten(name, stdout)
  for (const name of ['warn', 'error'] as const) shorten(name, stderr)
  return withInspectorMethods(guest)
}

/** `console.Console`, `profile`, `timeStamp` and what else only the global console has. */
function withInspectorMethods(guest: Console): Console {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(console))) {
    // an accessor such as _stdout would touch the real stream
    if (!(name in guest) && 'value' in descriptor) Object.defineProperty(guest, name, descriptor)
  }
  return guest
}
