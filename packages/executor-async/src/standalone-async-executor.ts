import type { Clock } from '@capsule/core'
import {
  createHostRequests,
  createOutputPump,
  createShowing,
  type Executor,
  executorErrors,
  type ExecutorMessage,
  installOutputCapture,
  type OutputPump,
  type OutputPumpSettings,
  type WriteOutcome,
} from '@capsule/executor'
import { displayRenderers, type Engine, type EngineOptions } from '@capsule/namespace'
import { creditedBytes, type DisplayMessage, type ProgressMessage, type StreamName } from '@capsule/protocol'
import {
  type CellStreams,
  type CellStreamsLink,
  createCellStreams,
  type StreamOptions,
  transportErrors,
} from '@capsule/transport'
import { type AsyncExecutor, type AsyncExecutorOptions, createAsyncExecutor, settledWithin } from './async-executor.ts'

export interface StandaloneAsyncExecutorOptions {
  /** Builds the engine with these hooks; the executor disposes it. */
  readonly createEngine: (hooks: Required<Pick<EngineOptions, 'onUncaught' | 'onDisplayable' | 'members'>>) => Engine
  /** Takes every message in order; `false`: no more until `resume()`. */
  readonly sink: (message: ExecutorMessage) => unknown
  readonly settings: OutputPumpSettings
  readonly clock: Clock
  /** Bytes of output that may be sent before `credit()`. @defaultValue Infinity */
  readonly windowBytes?: number
  /** Joins what is printed within a turn, see `OutputPumpOptions`. @defaultValue 0 */
  readonly gatherMs?: number
  /** What the reader takes: without `display` it gets text, without `progress` nothing. @defaultValue both */
  readonly features?: readonly string[]
  /** What channels of cells are sent by. @defaultValue the host knows none */
  readonly streams?: CellStreamsLink | undefined
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
  const engine = options.createEngine({
    onUncaught: (executionId, error) => executor.uncaught(executionId, error),
    onDisplayable: (value) => displays.showValue(value),
    members: { stream: (name: string, more?: StreamOptions) => streams.stream(name, more) },
  })
  const whose = {
    currentExecutionId: () => engine.currentExecutionId(),
    isRunning: (executionId: string) => executor.isRunning(executionId),
  }
  const streams = createCellStreams({ link: options.streams, engine })
  const { print, show } = createWriter({ pump, settings, waitForRoom: options.waitForRoom })
  const write = (stream: StreamName, text: string): void => {
    const executionId = engine.currentExecutionId() ?? executor.lastExecutionId
    // nothing of a cell has run yet: there is no one to attribute it to
    if (executionId === undefined) return
    progress.flush(executionId)
    print(executionId, stream, text, !executor.isRunning(executionId))
  }
  const { displays, progress } = createShowing({
    ...whose,
    renderers: displayRenderers,
    features: options.features,
    show,
    print: (text) => write('stdout', text),
    partBytes: settings.outputChunkBytes,
    clock,
  })
  const requests = createHostRequests({
    ...whose,
    engine,
    emit(message) {
      progress.flush(message.executionId)
      pump.send(message)
    },
    openChannel: (callId) => streams.callStream(callId),
    argsBytes: options.streams?.sizes.valueBytes ?? settings.outputBufferBytes,
    prompt: refusePrompt,
    clock,
  })
  const executor = createAsyncExecutor({
    engine,
    requests,
    progress,
    clock,
    maxConcurrent,
    emit: (message) => pump.send(message),
    onCredit: (bytes) => pump.credit(bytes),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    ...(options.beforeBlocking === undefined ? {} : { beforeBlocking: options.beforeBlocking }),
  })
  engine.defineBuiltin('display', displays.display)
  engine.defineBuiltin('progress', progress.progress)
  const uninstall = installOutputCapture({ write })
  return compose({ executor, engine, pump, streams, clock, uninstall })
}

function refusePrompt(): never {
  throw executorErrors.SYNC_INPUT_UNAVAILABLE({ executor: 'async' })
}

interface Writer {
  readonly print: (executionId: string, stream: StreamName, text: string, late: boolean) => void
  readonly show: (message: DisplayMessage | ProgressMessage) => void
}

interface WriterParts {
  readonly pump: OutputPump
  readonly settings: OutputPumpSettings
  readonly waitForRoom: (() => boolean) | undefined
}

/** What it writes is taken, or it throws OUTPUT_OVERFLOW. */
function createWriter({ pump, settings, waitForRoom }: WriterParts): Writer {
  const untilTaken = (attempt: () => WriteOutcome, bytes: () => number): void => {
    let outcome = attempt()
    while (outcome === 'full' && waitForRoom?.() === true) {
      pump.resume()
      outcome = attempt()
    }
    if (outcome === 'accepted') return
    throw executorErrors.OUTPUT_OVERFLOW({ bytes: bytes(), bufferBytes: settings.outputBufferBytes })
  }
  return {
    print: (executionId, stream, text, late) =>
      untilTaken(
        () => pump.write(executionId, stream, text, late),
        () => Buffer.byteLength(text),
      ),
    show: (message) =>
      untilTaken(
        () => pump.show(message),
        () => creditedBytes(message),
      ),
  }
}

interface Parts {
  readonly executor: AsyncExecutor
  readonly engine: Engine
  readonly pump: OutputPump
  readonly streams: CellStreams
  readonly clock: Clock
  readonly uninstall: () => void
}

function compose({ executor, engine, pump, streams, clock, uninstall }: Parts): StandaloneAsyncExecutor {
  let disposal: Promise<void> | undefined
  const dispose = async (): Promise<void> => {
    uninstall()
    await executor[Symbol.asyncDispose]()
    pump.dispose()
    streams.close(transportErrors.STREAM_DISCONNECTED({}))
    engine[Symbol.dispose]()
  }
  return {
    name: executor.name,
    abilities: executor.abilities,
    execute: (message) => executor.execute(message),
    respond: (message) => executor.respond(message),
    grant: (manifest) => executor.grant(manifest),
    cancel: (message) => executor.cancel(message),
    cancelCurrent: (reason) => executor.cancelCurrent(reason),
    interrupt: (message) => executor.interrupt(message),
    inspect: (query) => executor.inspect(query),
    capture: (options) => executor.capture(options),
    restore: (payload, mode) => executor.restore(payload, mode),
    reset(options) {
      streams.abandon()
      return executor.reset(options)
    },
    credit: (bytes) => executor.credit(bytes),
    stats: () => executor.stats(),
    stream: (message) => void streams.receive(message),
    resume() {
      pump.resume()
      streams.resume()
    },
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
