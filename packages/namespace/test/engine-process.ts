import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { CellRequest, Completion, EngineCounters, EngineOptions } from '@capsule/namespace'
import {
  type BindingReport,
  type CellMode,
  decodeValue,
  type InspectAnswer,
  type InspectQuery,
  type RestoreMode,
  type SnapshotFacts,
  type TransactionReport,
  type WireError,
} from '@capsule/protocol'

export type ParentMessage =
  | { type: 'run'; request: CellRequest }
  | { type: 'cancel'; executionId: string; reason: 'cancelled' | 'timed-out' }
  | { type: 'inspect'; query: InspectQuery }
  | { type: 'counters' }
  | { type: 'capture'; limitBytes: number }
  | { type: 'restore'; payload: string; mode: RestoreMode }
  /** What these globals hold, as `describeGraph` tells it. */
  | { type: 'describe'; names: readonly string[] }
  | { type: 'soak'; rounds: number; code: string }
  | { type: 'dispose' }
export type ChildMessage =
  | { type: 'ready' }
  | { type: 'late'; executionId: string | undefined; error: WireError }
  | { type: 'answer'; answer: unknown }
  | {
      type: 'settled'
      executionId: string
      cell: number
      mode: CellMode
      completion: Completion
      cause: string | undefined
      transaction: TransactionReport | undefined
    }

export interface Settled {
  readonly cell: number
  readonly mode: CellMode
  readonly completion: Completion
  /** The decoded value of a completion that has one. */
  readonly value: unknown
  readonly error: WireError | undefined
  /** What `currentExecutionId` says where `settled` is called. */
  readonly cause: string | undefined
  readonly transaction: TransactionReport | undefined
}

export interface Captured extends SnapshotFacts {
  /** In base64. */
  readonly payload: string
}

export type Restored =
  | { readonly kind: 'restored'; readonly report: BindingReport[] }
  | { readonly kind: 'malformed'; readonly problem: string }

export type RunOptions = Partial<Omit<CellRequest, 'code'>>

const deadlineMs = 10_000

/** An engine that ends with the test that starts it. */
export async function startEngine(...options: Parameters<typeof EngineProcess.start>): Promise<EngineProcess> {
  const engine = await EngineProcess.start(...options)
  onTestFinished(() => engine.stop())
  return engine
}

/** An engine in a process of its own: it changes the globals of its realm. */
export class EngineProcess {
  readonly #child: ChildProcess
  readonly #received: ChildMessage[] = []
  readonly #waiting = new Set<() => void>()
  #executions = 0

  static async start(
    options: EngineOptions = {},
    { execArgv = [] as string[], execPath = process.execPath } = {},
  ): Promise<EngineProcess> {
    const child = fork(fileURLToPath(new URL('fixtures/engine-child.ts', import.meta.url)), {
      execPath,
      execArgv: ['--conditions=@capsule/source', '--no-compilation-cache', ...execArgv],
      // JSON would call what cells have made of `toJSON`
      serialization: 'advanced',
      env: { ENGINE_OPTIONS: JSON.stringify(options) },
    })
    const engine = new EngineProcess(child)
    await engine.#next('ready', (message) => message.type === 'ready')
    return engine
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: ChildMessage) => {
      this.#received.push(message)
      for (const look of this.#waiting) look()
    })
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Runs a cell to its end. */
  async run(code: string, options: RunOptions = {}): Promise<Settled> {
    const executionId = this.begin(code, options)
    return this.settled(executionId)
  }

  /** Runs a cell and returns its value. @throws Error when it fails */
  async value(code: string, options: RunOptions = {}): Promise<unknown> {
    const { completion, value } = await this.run(code, options)
    if (completion.kind === 'throw') throw new Error(`${code}: ${completion.error.stack ?? completion.error.message}`)
    return value
  }

  begin(code: string, options: RunOptions = {}): string {
    const executionId = options.executionId ?? `execution-${++this.#executions}`
    this.#send({ type: 'run', request: { ...options, executionId, code } })
    return executionId
  }

  async settled(executionId: string): Promise<Settled> {
    const message = await this.#next(
      `the end of ${executionId}`,
      (m) => m.type === 'settled' && m.executionId === executionId,
    )
    if (message.type !== 'settled') throw new Error('unreachable')
    const { completion, cell, mode, cause, transaction } = message
    const bytes = completion.kind === 'value' ? (completion.value as unknown as string | undefined) : undefined
    const value = bytes === undefined ? undefined : decodeValue(Buffer.from(bytes, 'base64'))
    const error = completion.kind === 'throw' ? completion.error : undefined
    return { cell, mode, completion, value, error, cause, transaction }
  }

  async late(): Promise<{ executionId: string | undefined; error: WireError }> {
    const message = await this.#next('a late error', ({ type }) => type === 'late')
    if (message.type !== 'late') throw new Error('unreachable')
    return message
  }

  cancel(executionId: string, reason: 'cancelled' | 'timed-out' = 'cancelled'): void {
    this.#send({ type: 'cancel', executionId, reason })
  }

  async inspect(query: InspectQuery): Promise<InspectAnswer> {
    return (await this.#ask({ type: 'inspect', query })) as InspectAnswer
  }

  async counters(): Promise<EngineCounters> {
    return (await this.#ask({ type: 'counters' })) as EngineCounters
  }

  async capture(limitBytes = 64 * 1024 * 1024): Promise<Captured> {
    return (await this.#ask({ type: 'capture', limitBytes })) as Captured
  }

  async restore(payload: string, mode: RestoreMode = 'replace'): Promise<Restored> {
    return (await this.#ask({ type: 'restore', payload, mode })) as Restored
  }

  async describe(names: readonly string[]): Promise<string> {
    return (await this.#ask({ type: 'describe', names })) as string
  }

  async soak(rounds: number, code: string): Promise<{ heapBytes: number; rssBytes: number }> {
    return (await this.#ask({ type: 'soak', rounds, code })) as { heapBytes: number; rssBytes: number }
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** The engine lets go of the process; resolves to the exit code once it has ended by itself. */
  async dispose(): Promise<number> {
    const exit = once(this.#child, 'exit', { signal: AbortSignal.timeout(deadlineMs) })
    this.#send({ type: 'dispose' })
    return (await exit)[0] as number
  }

  #send(message: ParentMessage): void {
    this.#child.send(message)
  }

  async #ask(message: ParentMessage): Promise<unknown> {
    this.#send(message)
    const answer = await this.#next('an answer', ({ type }) => type === 'answer')
    return answer.type === 'answer' ? answer.answer : undefined
  }

  #next(what: string, matches: (message: ChildMessage) => boolean): Promise<ChildMessage> {
    return new Promise((resolve, reject) => {
      const finish = (then: () => void): void => {
        this.#waiting.delete(look)
        this.#child.off('exit', onExit)
        clearTimeout(timer)
        then()
      }
      const onExit = (): void => finish(() => reject(new Error(`the engine's process ended before ${what}`)))
      const look = (): void => {
        const index = this.#received.findIndex(matches)
        const [message] = index === -1 ? [] : this.#received.splice(index, 1)
        if (message !== undefined) finish(() => resolve(message))
      }
      const timer = setTimeout(() => finish(() => reject(new Error(`no ${what} within ${deadlineMs} ms`))), deadlineMs)
      this.#child.on('exit', onExit)
      this.#waiting.add(look)
      look()
    })
  }
}
