import {
  defaultLimits,
  defaultWorkerSettings,
  type HelloMessage,
  type HostMessage,
  protocolVersion,
  type ReadyMessage,
  type ResultMessage,
  type StreamName,
  type TerminalErrorMessage,
  type WorkerMessage,
} from '@capsule/protocol'
import { createMemoryTransportPair, type ProcessExit } from '@capsule/transport'
import type { ConnectWorker } from './session.ts'

type MessageOf<Type extends HostMessage['type']> = Extract<HostMessage, { type: Type }>

/** One worker of a script: sends what it is told to, and remembers what it was sent. */
export interface ScriptedProcess {
  /** 1 for the first worker, 2 after the first restart. */
  readonly generation: number
  readonly received: readonly HostMessage[]
  /** The next message of this type that no earlier call was given. */
  next<Type extends HostMessage['type']>(type: Type): Promise<MessageOf<Type>>
  /** Anything; the type helps with the well-formed. */
  send(message: WorkerMessage): void
  sendRaw(message: object): void
  /** Bytes past framing and codec. */
  writeBytes(bytes: Uint8Array): void
  ready(fields?: Partial<ReadyMessage>): void
  ack(executionId: string): void
  output(executionId: string, text: string, fields?: { stream?: StreamName; late?: true }): void
  result(executionId: string, fields?: Partial<ResultMessage>): void
  error(executionId: string, fields?: Partial<TerminalErrorMessage>): void
  stray(stream: StreamName, text: string): void
  exit(exit: Partial<ProcessExit>): void
  /** Signals other than SIGKILL end it too unless a handler is set. */
  onSignal(handler: (signal: NodeJS.Signals) => void): void
}

export interface ScriptedWorker {
  readonly connect: ConnectWorker<HostMessage>
  readonly processes: readonly ScriptedProcess[]
  /** The latest. @throws when none was started */
  readonly process: ScriptedProcess
}

export interface ScriptedWorkerOptions {
  /** Called with each message; `hello` and `shutdown` are answered without it unless `isManual`. */
  readonly script?: (message: HostMessage, process: ScriptedProcess) => void
  /** Nothing is answered by itself. @defaultValue false */
  readonly isManual?: boolean
  readonly ready?: Partial<ReadyMessage>
}

export function createScriptedWorker(options: ScriptedWorkerOptions = {}): ScriptedWorker {
  const processes: ScriptedProcess[] = []
  return {
    connect() {
      const { host, worker, process } = createMemoryTransportPair<HostMessage, object>()
      const scripted = new Scripted(processes.length + 1, options, worker, process)
      processes.push(scripted)
      return host
    },
    processes,
    get process() {
      const process = processes.at(-1)
      if (process === undefined) throw new Error('no worker was started')
      return process
    },
  }
}

type Pair = ReturnType<typeof createMemoryTransportPair<HostMessage, object>>

class Scripted implements ScriptedProcess {
  readonly generation: number
  readonly received: HostMessage[] = []
  readonly #options: ScriptedWorkerOptions
  readonly #transport: Pair['worker']
  readonly #process: Pair['process']
  readonly #handed = new Set<HostMessage>()
  readonly #waiting = new Set<() => void>()

  constructor(generation: number, options: ScriptedWorkerOptions, transport: Pair['worker'], process: Pair['process']) {
    this.generation = generation
    this.#options = options
    this.#transport = transport
    this.#process = process
    transport.start({ message: (message) => this.#onMessage(message as HostMessage), end: () => {} })
  }

  async next<Type extends HostMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    for (;;) {
      const message = this.received.find((each) => each.type === type && !this.#handed.has(each))
      if (message !== undefined) {
        this.#handed.add(message)
        return message as MessageOf<Type>
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  send(message: WorkerMessage): void {
    this.#transport.send(message)
  }

  sendRaw(message: object): void {
    this.#transport.send(message)
  }

  writeBytes(bytes: Uint8Array): void {
    this.#process.writeBytes(bytes)
  }

  ready(fields: Partial<ReadyMessage> = {}): void {
    const hello = this.received.find((message): message is HelloMessage => message.type === 'hello')
    const ready: ReadyMessage = {
      type: 'ready',
      protocol: protocolVersion,
      codec: 'json',
      features: hello?.features ?? [],
      limits: defaultLimits,
      settings: { ...defaultWorkerSettings, ...withoutUndefined(hello?.settings ?? {}) },
      executors: [{ name: 'scripted', preemptive: true, syncInput: true, concurrent: false }],
      pid: 1,
      nodeVersion: process.version,
      ...fields,
    }
    this.#transport.send(ready)
    this.#transport.agree({ codec: ready.codec, limits: ready.limits })
  }

  ack(executionId: string): void {
    this.send({ type: 'ack', executionId })
  }

  output(executionId: string, text: string, fields: { stream?: StreamName; late?: true } = {}): void {
    this.send({ type: 'output', executionId, stream: 'stdout', text, ...fields })
  }

  result(executionId: string, fields: Partial<ResultMessage> = {}): void {
    this.send({ type: 'result', executionId, ...settlement, text: 'undefined', ...fields })
  }

  error(executionId: string, fields: Partial<TerminalErrorMessage> = {}): void {
    const error = { name: 'Error', message: 'scripted' }
    this.send({ type: 'error', terminal: true, executionId, ...settlement, status: 'error', error, ...fields })
  }

  stray(stream: StreamName, text: string): void {
    this.#process.emitStray({ stream, text })
  }

  exit(exit: Partial<ProcessExit>): void {
    this.#process.exit(exit)
  }

  onSignal(handler: (signal: NodeJS.Signals) => void): void {
    this.#process.onSignal = handler
  }

  #onMessage(message: HostMessage): void {
    this.received.push(message)
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
    if (!this.#options.isManual) {
      if (message.type === 'hello') this.ready(this.#options.ready)
      if (message.type === 'shutdown') this.exit({ code: 0 })
    }
    this.#options.script?.(message, this)
  }
}

const settlement = {
  cell: 1,
  mode: 'simple',
  executor: 'scripted',
  durationMs: 1,
  output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
} as const

function withoutUndefined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
