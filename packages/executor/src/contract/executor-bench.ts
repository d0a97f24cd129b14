import { systemClock, withDeadline } from '@capsule/core'
import type {
  CancelMessage,
  CapabilityManifest,
  CapabilityRequestMessage,
  CapabilityResponseMessage,
  ExecuteMessage,
  InputRequestMessage,
  InputResponseMessage,
  InspectAnswer,
  InspectQuery,
  InterruptMessage,
  ResultMessage,
  TerminalErrorMessage,
  WorkerSettings,
} from '@capsule/protocol'
import type { ExecutorAbilities, ExecutorMessage, ExecutorStats } from '../executor.ts'

/** The executor under test, maybe behind a process boundary: an {@link Executor} whose calls may answer later. */
export interface RemoteExecutor extends AsyncDisposable {
  /** Rejects with the code of the refusal (`{ code: 'EXECUTOR_BUSY' }`). */
  execute(message: ExecuteMessage): void | Promise<void>
  respond(message: InputResponseMessage | CapabilityResponseMessage): void
  grant(manifest: CapabilityManifest): void
  cancel(message: CancelMessage): void
  interrupt(message: InterruptMessage): void
  inspect(query: InspectQuery): Promise<InspectAnswer>
  credit(bytes: number): void
  stats(): ExecutorStats | Promise<ExecutorStats>
  drain(options: { graceMs: number }): Promise<void>
}

export interface ExecutorCreation {
  readonly settings: WorkerSettings
  /** Bytes of output before `credit()`; Infinity: no credit needed. */
  readonly windowBytes: number
  /** To be called with every message, in order. */
  readonly onMessage: (message: ExecutorMessage) => void
}

/** A part of the contract that a subject reached through a protocol may have no message for. */
export type Reach = 'credit' | 'drain'

export interface ExecutorContractSubject {
  readonly abilities: ExecutorAbilities
  /** What cannot be asked of this subject; the cases of it show as skipped. @defaultValue none */
  readonly lacks?: readonly Reach[]
  readonly create: (creation: ExecutorCreation) => Promise<RemoteExecutor>
}

/** Opens a fresh executor for one test; it is disposed after it. */
export type OpenBench = (options?: OpenOptions) => Promise<ExecutorBench>

export interface OpenOptions {
  readonly settings?: Partial<WorkerSettings>
  readonly windowBytes?: number
}

export type TerminalMessage = ResultMessage | TerminalErrorMessage

const deadlineMs = 5000

/** One executor with everything it has said, and waits with a deadline. */
export class ExecutorBench {
  readonly messages: ExecutorMessage[] = []
  #executor: RemoteExecutor | undefined
  #executions = 0
  #waiters: { readonly matches: () => boolean; readonly resolve: () => void }[] = []

  static async open(
    subject: ExecutorContractSubject,
    options: Partial<ExecutorCreation> & Pick<ExecutorCreation, 'settings'>,
  ) {
    const bench = new ExecutorBench()
    const { settings, windowBytes = Infinity } = options
    bench.#executor = await subject.create({ settings, windowBytes, onMessage: (message) => bench.#record(message) })
    return bench
  }

  get executor(): RemoteExecutor {
    if (this.#executor === undefined) throw new Error('the executor is not created yet')
    return this.#executor
  }

  /** Executes and returns the id; the cell may still run. */
  async start(code: string, more: Partial<ExecuteMessage> = {}): Promise<string> {
    const executionId = `execution-${++this.#executions}`
    await this.executor.execute({ type: 'execute', executionId, code, ...more })
    return executionId
  }

  async run(code: string): Promise<TerminalMessage> {
    return this.terminal(await this.start(code))
  }

  /** The text of the result, as `util.inspect` shows it. */
  async text(code: string): Promise<string> {
    return textOf(await this.run(code))
  }

  terminal(executionId: string): Promise<TerminalMessage> {
    return this.find(`the end of ${executionId}`, (message): message is TerminalMessage => {
      return isTerminal(message) && message.executionId === executionId
    })
  }

  inputRequest(executionId: string): Promise<InputRequestMessage> {
    return this.find(`an input request of ${executionId}`, (message): message is InputRequestMessage => {
      return message.type === 'input-request' && message.executionId === executionId
    })
  }

  capabilityRequest(executionId: string): Promise<CapabilityRequestMessage> {
    return this.find(`a capability call of ${executionId}`, (message): message is CapabilityRequestMessage => {
      return message.type === 'capability-request' && message.executionId === executionId
    })
  }

  /** The first message, past or future, that matches. */
  async find<Found extends ExecutorMessage>(
    what: string,
    matches: (message: ExecutorMessage) => message is Found,
  ): Promise<Found> {
    await this.until(what, () => this.messages.some(matches))
    return this.messages.find(matches) as Found
  }

  /** Waits until that much is true of the messages. */
  async until(what: string, matches: () => boolean): Promise<void> {
    if (matches()) return
    const wait = new Promise<void>((resolve) => this.#waiters.push({ matches, resolve }))
    await withDeadline(wait, { clock: systemClock, timeoutMs: deadlineMs, what })
  }

  of(executionId: string): ExecutorMessage[] {
    return this.messages.filter((message) => message.executionId === executionId)
  }

  printed(executionId: string, stream?: 'stdout' | 'stderr'): string {
    return this.of(executionId)
      .map((message) =>
        message.type === 'output' && (stream === undefined || message.stream === stream) ? message.text : '',
      )
      .join('')
  }

  answer({ executionId, inputId }: InputRequestMessage, answer: InputResponseMessage['answer']): void {
    this.executor.respond({ type: 'input-response', executionId, inputId, answer })
  }

  cancel(executionId: string, reason: CancelMessage['reason'] = 'cancelled', cooperativeMs = 30): void {
    this.executor.cancel({ type: 'cancel', executionId, reason, cooperativeMs })
  }

  #record(message: ExecutorMessage): void {
    this.messages.push(message)
    const due = this.#waiters.filter(({ matches }) => matches())
    this.#waiters = this.#waiters.filter((waiter) => !due.includes(waiter))
    for (const { resolve } of due) resolve()
  }
}

export function isTerminal(message: ExecutorMessage): message is TerminalMessage {
  return message.type === 'result' || (message.type === 'error' && message.terminal)
}

function textOf(terminal: TerminalMessage): string {
  return terminal.type === 'result'
    ? terminal.text
    : `${terminal.status}: ${terminal.error.code ?? terminal.error.message}`
}
