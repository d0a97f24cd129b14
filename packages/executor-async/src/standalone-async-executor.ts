import type { Clock } from '@capsule/core'
import {
  createInputRequests,
  createOutputPump,
  type Executor,
  executorErrors,
  type ExecutorMessage,
  type InputOptions,
  installOutputCapture,
  type OutputPump,
  type OutputPumpSettings,
} from '@capsule/executor'
import type { Engine, EngineOptions } from '@capsule/namespace'
import type { StreamName } from '@capsule/protocol'
import { type AsyncExecutor, type AsyncExecutorOptions, createAsyncExecutor, settledWithin } from './async-executor.ts'

export interface StandaloneAsyncExecutorOptions {
  /** Builds the engine with these hooks; the executor disposes it. */
  readonly createEngine: (hooks: Required<Pick<EngineOptions, 'onUncaught'>>) => Engine
  /** Takes every message in order; `false`: no more until `resume()`. */
  readonly sink: (message: ExecutorMessage) => unknown
  readonly settings: OutputPumpSettings
  readonly clock: Clock
  /** Bytes of output that may be sent before `credit()`. @defaultValue Infinity */
  readonly windowBytes?: number
  /** Joins what is printed within a turn, see `OutputPumpOptions`. @defaultValue 0 */
  readonly gatherMs?: number
  /** How many cells may run at once. @defaultValue 1 */
  readonly maxConcurrent?: number
  /** See `AsyncExecutorOptions`. */
  readonly schedule?: AsyncExecutorOptions['schedule']
  /** See `AsyncExecutorOptions`. */
  readonly beforeBlocking?: AsyncExecutorOptions['beforeBlocking']
  /**
   * Blocks the thread until the sink takes output again, for back-pressure `block`; false: it never will. Without it a
   * full buffer makes the printing code throw OUTPUT_OVERFLOW, because credit cannot arrive while that code runs.
   */
  readonly waitForRoom?: () => boolean
}

export interface StandaloneAsyncExecutor extends Executor, Pick<AsyncExecutor, 'tasks' | 'cancelCurrent'> {
  /** The sink takes messages again, after it returned false. */
  resume(): void
  readonly pump: Pick<OutputPump, 'counters' | 'queuedBytes' | 'isFull' | 'sendGathered'>
}

/**
 * The async executor with all it needs around it: output pump, captured console and streams, `input()`. One per process
 * or realm, because it replaces the console and `process.stdout`.
 */
export function createStandaloneAsyncExecutor(options: StandaloneAsyncExecutorOptions): StandaloneAsyncExecutor {
  const { settings, clock, sink, windowBytes = Infinity, gatherMs = 0, maxConcurrent = 1 } = options
  const send = (message: ExecutorMessage): boolean => sink(message) !== false
  const pump = createOutputPump({ settings, clock, windowBytes, gatherMs, send })
  const engine = options.createEngine({ onUncaught: (executionId, error) => executor.uncaught(executionId, error) })
  const input = createInputRequests({
    emit: (message) => pump.send(message),
    currentExecutionId: () => engine.currentExecutionId(),
    isRunning: (executionId) => executor.isRunning(executionId),
    onCancel: (executionId, listener) => engine.onCancel(executionId, listener),
    clock,
  })
  const executor = createAsyncExecutor({
    engine,
    input,
    clock,
    maxConcurrent,
    emit: (message) => pump.send(message),
    onCredit: (bytes) => pump.credit(bytes),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    ...(options.beforeBlocking === undefined ? {} : { beforeBlocking: options.beforeBlocking }),
  })
  engine.defineBuiltin('input', (prompt?: string, inputOptions?: InputOptions) => input.input(prompt, inputOptions))
  engine.defineBuiltin('prompt', () => {
    throw executorErrors.SYNC_INPUT_UNAVAILABLE({ executor: executor.name })
  })
  const write = createWriter({ pump, settings, waitForRoom: options.waitForRoom })
  const uninstall = installOutputCapture({
    write(stream, text) {
      const executionId = engine.currentExecutionId() ?? executor.lastExecutionId
      // nothing of a cell has run yet: there is no one to attribute it to
      if (executionId !== undefined) write(executionId, stream, text, !executor.isRunning(executionId))
    },
  })
  return compose({ executor, engine, pump, clock, uninstall })
}

type Write = (executionId: string, stream: StreamName, text: string, late: boolean) => void

interface WriterParts {
  readonly pump: OutputPump
  readonly settings: OutputPumpSettings
  readonly waitForRoom: (() => boolean) | undefined
}

function createWriter({ pump, settings, waitForRoom }: WriterParts): Write {
  return (executionId, stream, text, late) => {
    let outcome = pump.write(executionId, stream, text, late)
    while (outcome === 'full' && waitForRoom?.() === true) {
      pump.resume()
      outcome = pump.write(executionId, stream, text, late)
    }
    if (outcome !== 'accepted')
      throw executorErrors.OUTPUT_OVERFLOW({ bytes: Buffer.byteLength(text), bufferBytes: settings.outputBufferBytes })
  }
}

interface Parts {
  readonly executor: AsyncExecutor
  readonly engine: Engine
  readonly pump: OutputPump
  readonly clock: Clock
  readonly uninstall: () => void
}

function compose({ executor, engine, pump, clock, uninstall }: Parts): StandaloneAsyncExecutor {
  let disposal: Promise<void> | undefined
  const dispose = async (): Promise<void> => {
    uninstall()
    await executor[Symbol.asyncDispose]()
    pump.dispose()
    engine[Symbol.dispose]()
  }
  return {
    name: executor.name,
    abilities: executor.abilities,
    execute: (message) => executor.execute(message),
    respond: (message) => executor.respond(message),
    cancel: (message) => executor.cancel(message),
    cancelCurrent: (reason) => executor.cancelCurrent(reason),
    interrupt: (message) => executor.interrupt(message),
    inspect: (query) => executor.inspect(query),
    credit: (bytes) => executor.credit(bytes),
    stats: () => executor.stats(),
    resume: () => pump.resume(),
    pump,
    get tasks() {
      return executor.tasks
    },
    async drain({ graceMs }) {
      const deadlineMs = clock.now() + graceMs
      await executor.drain({ graceMs })
      await settledWithin(pump.flush(), Math.max(0, deadlineMs - clock.now()), clock)
    },
    [Symbol.asyncDispose]: () => (disposal ??= dispose()),
  }
}
