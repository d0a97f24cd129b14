import { systemClock } from '@capsule/core'
import type { FrameLimits } from '@capsule/protocol'
import { defaultStderrTailBytes } from './limits.ts'
import { createMemoryPipe, type MemoryPipe } from './memory-pipe.ts'
import { afterTurn, MessageTransport } from './message-transport.ts'
import { createTextTail } from './stray-reader.ts'
import type { ProcessExit, ProcessTransport, Stray, Transport } from './transport.ts'

export interface MemoryTransportOptions {
  readonly limits?: FrameLimits | undefined
  /** Queued bytes above which `send` returns false, each way. @defaultValue 1 MiB */
  readonly highWaterBytes?: number | undefined
}

/** What a real worker process does besides sending messages, by hand. */
export interface MemoryProcess {
  readonly exited: Promise<ProcessExit>
  /** Called for a signal instead of dying from it; SIGKILL is never asked. */
  onSignal: ((signal: NodeJS.Signals) => void) | undefined
  /** Text on fd 1 or 2. */
  emitStray(stray: Stray): void
  /** Raw bytes on the way to the host, past codec and framing. */
  writeBytes(bytes: Uint8Array): void
  /** Ends the process: what it has sent still arrives, then the host's transport ends. The first call decides. */
  exit(exit: Partial<ProcessExit>): void
}

export interface MemoryTransportPair<A extends object, B extends object> {
  readonly host: ProcessTransport<A>
  /** Closing it ends the process with code 0, since nothing would keep a real one alive. */
  readonly worker: Transport<B>
  readonly process: MemoryProcess
}

// above the largest pid a system gives, so that no real process is meant
const memoryPid = 2 ** 30

/** The in-memory twin of host and worker: the same codec, frames, limits and back-pressure, without a process. */
export function createMemoryTransportPair<A extends object, B extends object>(
  options: MemoryTransportOptions = {},
): MemoryTransportPair<A, B> {
  const toWorker = createMemoryPipe()
  const toHost = createMemoryPipe()
  const process = new ScriptedProcess(toWorker, toHost)
  const worker = new MemoryWorkerTransport<B>(toWorker, toHost, options, process)
  const host = new MemoryHostTransport<A>(toWorker, toHost, options, process)
  process.emitStray = (stray) => void setImmediate(() => host.receiveStray(stray))
  void process.exited.then(() => worker.close({ discard: true }))
  return { host, worker, process }
}

class ScriptedProcess implements MemoryProcess {
  onSignal: ((signal: NodeJS.Signals) => void) | undefined
  emitStray: (stray: Stray) => void = () => {}
  readonly exited: Promise<ProcessExit>
  readonly #settle: (exit: ProcessExit) => void
  readonly #toWorker: MemoryPipe
  readonly #toHost: MemoryPipe

  constructor(toWorker: MemoryPipe, toHost: MemoryPipe) {
    const { promise, resolve } = Promise.withResolvers<ProcessExit>()
    this.exited = promise
    this.#settle = resolve
    this.#toWorker = toWorker
    this.#toHost = toHost
  }

  writeBytes(bytes: Uint8Array): void {
    this.#toHost.write(bytes)
  }

  exit({ code = null, signal = null }: Partial<ProcessExit>): void {
    this.#toHost.hangUp()
    this.#toWorker.breakOff()
    // behind the immediates that deliver the last frames and stray text
    setImmediate(() => this.#settle({ code, signal }))
  }

  receiveSignal(signal: NodeJS.Signals): void {
    if (this.onSignal !== undefined && signal !== 'SIGKILL') this.onSignal(signal)
    else this.exit({ signal })
  }
}

class MemoryWorkerTransport<Out extends object> extends MessageTransport<Out> {
  readonly #process: ScriptedProcess

  constructor(toWorker: MemoryPipe, toHost: MemoryPipe, options: MemoryTransportOptions, process: ScriptedProcess) {
    super({ kind: 'memory', source: toWorker.source, sink: toHost.sink, clock: systemClock, ...options })
    this.#process = process
  }

  override close(options?: { discard?: boolean }): Promise<void> {
    return super.close(options).finally(() => this.#process.exit({ code: 0 }))
  }
}

class MemoryHostTransport<Out extends object> extends MessageTransport<Out> implements ProcessTransport<Out> {
  readonly pid = memoryPid
  onStray: ((stray: Stray) => void) | undefined
  readonly #process: ScriptedProcess
  readonly #stderrTail = createTextTail(defaultStderrTailBytes)

  constructor(toWorker: MemoryPipe, toHost: MemoryPipe, options: MemoryTransportOptions, process: ScriptedProcess) {
    super({ kind: 'memory', source: toHost.source, sink: toWorker.sink, clock: systemClock, ...options })
    this.#process = process
  }

  get exited(): Promise<ProcessExit> {
    return this.#process.exited
  }

  get stderrTail(): string {
    return this.#stderrTail.toString()
  }

  whenStrayRead(callback: () => void): void {
    afterTurn(callback)
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.receiveSignal(signal)
  }

  receiveStray(stray: Stray): void {
    if (stray.stream === 'stderr') this.#stderrTail.append(stray.text)
    this.onStray?.(stray)
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ discard: true })
    this.kill('SIGKILL')
    await this.exited
  }
}
