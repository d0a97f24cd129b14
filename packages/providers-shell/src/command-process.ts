import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { constants } from 'node:os'
import { type CapsuleError, type Clock, coreErrors, type Logger, type Timer } from '@capsule/core'
import { shellErrors } from './errors.ts'
import { feedInput } from './feed-input.ts'
import type { ProcessTree, ProcessTrees, TreeLaunch } from './process-tree.ts'

export type OutputStream = 'stdout' | 'stderr'

export interface CommandExit {
  /** 128 + n where signal n ended it, as shells have it. */
  readonly exitCode: number
  /** Null also where only the code is known. */
  readonly signal: string | null
  readonly durationMs: number
}

export interface CommandProcessOptions {
  /** By the name that cells use. */
  readonly command: string
  readonly trees: ProcessTrees
  readonly launch: TreeLaunch
  readonly spawnOptions: SpawnOptions
  readonly input: AsyncIterable<Uint8Array> | undefined
  readonly maxInputBytes: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => void
}

/** Pipes that a hidden process holds are read so long after the exit. */
const pipeGraceMs = 250
/** What the kernel cannot end by then (a process that hangs in a device) is left to it. */
const killGraceMs = 5000

type State =
  | { readonly name: 'running' }
  | { readonly name: 'ending'; readonly reason: CapsuleError }
  | { readonly name: 'exited' }

/** One command, from its start until all that it has started is gone. */
export class CommandProcess {
  /** Rejects with why it was ended, or could not be started. */
  readonly ended: Promise<CommandExit>
  readonly #options: CommandProcessOptions
  readonly #settle: (exit: CommandExit) => void
  readonly #fail: (error: unknown) => void
  readonly #startedMs: number
  readonly #timers: Timer[] = []
  #child: ChildProcess | undefined
  #tree: ProcessTree | undefined
  #state: State = { name: 'running' }

  constructor(options: CommandProcessOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<CommandExit>()
    this.ended = promise.finally(() => this.#release())
    // who waits for it sees it
    this.ended.catch(() => undefined)
    this.#settle = resolve
    this.#fail = reject
    this.#options = options
    this.#startedMs = options.clock.now()
    const [file, ...args] = options.launch.argv
    try {
      this.#child = spawn(file, args, options.spawnOptions)
    } catch (error) {
      this.#failStart(error)
      return
    }
    this.#tree = options.trees.watch(this.#child, options.launch)
    this.#watch(this.#child)
  }

  /** Ends all of it with SIGKILL; `ended` rejects with the first reason, unless the command had ended by itself. */
  end(reason: CapsuleError): void {
    if (this.#state.name !== 'running') return
    this.#state = { name: 'ending', reason }
    this.#tree?.kill()
    // nobody reads any more, and what is in the pipes must not keep them open
    this.#child?.stdout?.resume()
    this.#child?.stderr?.resume()
    this.#after(killGraceMs, () => this.#giveUp(reason))
  }

  /** Paused, a command that writes on soon has to wait. What it has left when it ends is always read. */
  setOutputPaused(isPaused: boolean): void {
    if (this.#state.name !== 'running') return
    for (const stream of [this.#child?.stdout, this.#child?.stderr]) {
      if (isPaused) stream?.pause()
      else stream?.resume()
    }
  }

  #watch(child: ChildProcess): void {
    const { command, timeoutMs, signal, input, maxInputBytes, onOutput } = this.#options
    for (const name of ['stdout', 'stderr'] as const) {
      // a chunk that comes after the end was ordered is nobody's
      child[name]?.on('data', (chunk: Buffer) => this.#state.name !== 'ending' && onOutput(name, chunk))
      child[name]?.on('error', () => undefined)
    }
    child.on('error', (error) => {
      if (child.pid === undefined) this.#failStart(error)
    })
    child.on('exit', () => this.#onExit(child))
    child.on('close', (code, signalName) => this.#onClose(code, signalName))
    this.#after(timeoutMs, () => this.end(shellErrors.SHELL_TIMED_OUT({ command, timeoutMs })))
    if (signal.aborted) this.#onAbort()
    else signal.addEventListener('abort', this.#onAbort, { once: true })
    if (child.stdin && input) {
      void feedInput({ command, stdin: child.stdin, input, maxInputBytes, onFailed: (error) => this.end(error) })
    }
  }

  readonly #onAbort = (): void => {
    const { command, signal } = this.#options
    this.end(coreErrors.CANCELLED({ what: `the command ${command}` }, { cause: signal.reason }))
  }

  #onExit(child: ChildProcess): void {
    if (child.pid === undefined) return
    if (this.#state.name === 'running') {
      // before the state changes, which ends pausing
      this.setOutputPaused(false)
      this.#state = { name: 'exited' }
    }
    if (this.#tree?.isSealed) return
    this.#tree?.kill()
    // not within the timer: what has arrived by now comes first
    this.#after(pipeGraceMs, () => setImmediate(() => closePipes(child)))
  }

  #onClose(code: number | null, signal: NodeJS.Signals | null): void {
    const { clock } = this.#options
    if (this.#state.name === 'ending') return this.#fail(this.#state.reason)
    const problem = this.#tree?.startProblem()
    if (problem !== undefined) return this.#failStart(new Error(problem))
    const exitCode = code ?? 128 + constants.signals[signal as NodeJS.Signals]
    this.#settle({ exitCode, signal, durationMs: Math.round(clock.now() - this.#startedMs) })
  }

  #giveUp(reason: CapsuleError): void {
    const { command, logger } = this.#options
    logger.error('a command was killed and is still there', { command, pid: this.#child?.pid })
    this.#child?.kill('SIGKILL')
    if (this.#child) closePipes(this.#child)
    this.#fail(reason)
  }

  #failStart(cause: unknown): void {
    const { command } = this.#options
    // its message may hold paths of the host
    const { code } = cause as NodeJS.ErrnoException
    const reason = code ?? (cause instanceof Error ? cause.message : String(cause))
    this.#fail(shellErrors.SHELL_SPAWN_FAILED({ command, reason }, { cause }))
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timers.push(this.#options.clock.setTimer(delayMs, callback))
  }

  #release(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#options.signal.removeEventListener('abort', this.#onAbort)
  }
}

function closePipes(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy()
}
