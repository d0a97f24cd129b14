import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { PassThrough } from 'node:stream'
import { type CapsuleError, type Clock, systemClock, type Timer } from '@capsule/core'
import type { FrameLimits } from '@capsule/protocol'
import { transportErrors } from './errors.ts'
import { defaultStderrTailBytes, pipeGraceMs } from './limits.ts'
import { type ExtraStdio, spawnWithExtraStdio } from './extra-stdio.ts'
import { afterTurn, MessageTransport } from './message-transport.ts'
import { createSocketSink, createSocketSource } from './stream-pipes.ts'
import { createTextTail, readStray, type TextTail } from './stray-reader.ts'
import type { ProcessExit, ProcessTransport, Stray } from './transport.ts'

export interface ChildProcessTransportOptions {
  /** Started without a shell. */
  readonly command: string
  readonly args: readonly string[]
  /** All of the child's environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly limits?: FrameLimits | undefined
  /** Queued bytes above which `send` returns false. @defaultValue 1 MiB */
  readonly highWaterBytes?: number | undefined
  /** @defaultValue 8 KiB */
  readonly stderrTailBytes?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly argv0?: string | undefined
  /** The command runs the worker as a child and tells the signal that ended it as 128 + n. @defaultValue false */
  readonly tellsSignalsAsCodes?: boolean | undefined
  /** What the child finds as fd 5, 6, ... @defaultValue nothing */
  readonly extraStdio?: readonly ExtraStdio[] | undefined
  /** @defaultValue systemClock */
  readonly clock?: Clock | undefined
}

/**
 * Starts a worker: fd 3 takes our messages, fd 4 brings its messages, fd 1 and 2 are always read. It never throws: a
 * failed start is a transport that ends with WORKER_SPAWN_FAILED and whose `pid` is NaN. Disposing kills the process.
 */
export function createChildProcessTransport<Out extends object>(
  options: ChildProcessTransportOptions,
): ProcessTransport<Out> {
  return new ChildProcessTransport<Out>(options, spawnWorker(options))
}

const hasProcessGroups = process.platform !== 'win32'
/** What shells and bubblewrap add to the number of a signal. */
const signalCodeBase = 128

type Started = { readonly child: ChildProcess } | { readonly error: unknown }

function spawnWorker(given: ChildProcessTransportOptions): Started {
  const { command, args, env, cwd, uid, gid, argv0, extraStdio = [] } = given
  const options: SpawnOptions = {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    windowsHide: true,
    // a process group of its own: Ctrl-C in the host's terminal is the host's to handle, and what the worker has started
    // can be killed with it
    detached: hasProcessGroups,
  }
  if (uid !== undefined) options.uid = uid
  if (gid !== undefined) options.gid = gid
  if (argv0 !== undefined) options.argv0 = argv0
  try {
    return { child: spawnWithExtraStdio(command, args, options, extraStdio) }
  } catch (error) {
    return { error }
  }
}

/** One of the child's pipes; a stand-in when the system had none left to give. */
function pipe(started: Started, fd: 3 | 4): Socket {
  const stream = 'child' in started ? started.child.stdio?.[fd] : undefined
  return (stream ?? new PassThrough()) as Socket
}

class ChildProcessTransport<Out extends object> extends MessageTransport<Out> implements ProcessTransport<Out> {
  readonly pid: number
  readonly exited: Promise<ProcessExit>
  onStray: ((stray: Stray) => void) | undefined
  killReason: CapsuleError | undefined
  readonly #child: ChildProcess | undefined
  readonly #stderrTail: TextTail
  readonly #clock: Clock
  readonly #settleExited: (exit: ProcessExit) => void
  #exit: ProcessExit = { code: null, signal: null }
  #grace: Timer | undefined

  constructor(options: ChildProcessTransportOptions, started: Started) {
    const { clock = systemClock, limits, highWaterBytes } = options
    const source = createSocketSource(pipe(started, 4), 'discard')
    const sink = createSocketSink(pipe(started, 3), highWaterBytes)
    super({ kind: 'child-process', source, sink, clock, limits, highWaterBytes })
    const exited = Promise.withResolvers<ProcessExit>()
    this.exited = exited.promise
    this.#settleExited = exited.resolve
    this.#clock = clock
    this.#stderrTail = createTextTail(options.stderrTailBytes ?? defaultStderrTailBytes)
    this.#child = 'child' in started ? started.child : undefined
    this.pid = this.#child?.pid ?? NaN
    if ('error' in started) this.#onSpawnFailed(options.command, started.error)
    else this.#watch(started.child, options)
  }

  get stderrTail(): string {
    return this.#stderrTail.toString()
  }

  whenStrayRead(callback: () => void): void {
    afterTurn(callback)
  }

  kill(signal: NodeJS.Signals, reason?: CapsuleError): void {
    this.killReason ??= reason
    try {
      if (signal === 'SIGKILL') this.#killGroup()
      this.#child?.kill(signal)
    } catch {
      // an unknown signal name; a process that is gone or not ours is reported by `exited`
    }
  }

  /** The processes that the worker has started and that have not left its group end too. */
  #killGroup(): void {
    if (!hasProcessGroups || Number.isNaN(this.pid)) return
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // nobody is left in it
    }
  }

  /** From then on the process does not keep this one alive. */
  override close(options?: { discard?: boolean }): Promise<void> {
    return super.close(options).finally(() => this.#setReferenced(false))
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ discard: true })
    this.#setReferenced(true)
    this.kill('SIGKILL')
    await this.exited
  }

  #watch(child: ChildProcess, { command, tellsSignalsAsCodes = false }: ChildProcessTransportOptions): void {
    const onStray = (stray: Stray): void => {
      if (stray.stream === 'stderr') this.#stderrTail.append(stray.text)
      this.onStray?.(stray)
    }
    if (child.stdout) readStray(child.stdout, 'stdout', onStray)
    if (child.stderr) readStray(child.stderr, 'stderr', onStray)
    child.on('error', (error) => {
      // after a start this is a `kill` that the system refused
      if (child.pid === undefined) this.#onSpawnFailed(command, error)
    })
    child.on('exit', (code, signal) => {
      if (child.pid === undefined) return
      this.#exit = tellsSignalsAsCodes ? exitOfWrapped(code, signal) : { code, signal }
      this.#killGroup()
      this.#grace = this.#clock.setTimer(pipeGraceMs, () => this.#giveUpPipes(child))
    })
    child.on('close', () => this.#settle())
  }

  #onSpawnFailed(command: string, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.fail(transportErrors.WORKER_SPAWN_FAILED({ command, reason }, { cause }))
    this.#settle()
  }

  /** A process that outlives the worker holds a pipe: take what is in the pipes now, and no more. */
  #giveUpPipes(child: ChildProcess): void {
    this.readRest(() => {
      this.endInput()
      for (const stream of child.stdio) stream?.destroy()
      this.#settle()
    })
  }

  #settle(): void {
    this.#grace?.cancel()
    this.#settleExited(this.#exit)
  }

  #setReferenced(isReferenced: boolean): void {
    const handles = [this.#child, ...(this.#child?.stdio ?? [])] as readonly (
      | ChildProcess
      | Socket
      | null
      | undefined
    )[]
    for (const handle of handles) {
      if (isReferenced) handle?.ref()
      else handle?.unref()
    }
  }
}

/** The worker's own end, of a command that passes it on as shells do. */
function exitOfWrapped(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  const found = Object.entries(constants.signals).find(([, number]) => code === signalCodeBase + number)
  return found === undefined ? { code, signal } : { code: null, signal: found[0] as NodeJS.Signals }
}
