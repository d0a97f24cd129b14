import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Clock } from '@capsule/core'
import {
  type CellRunner,
  chooseRoute,
  createCellRunner,
  createHostRequests,
  createShowing,
  type ExecutorRoute,
  executorErrors,
  type HostRequestMessage,
  type HostRequests,
  type OrderedMessage,
  type ProgressReports,
  installOutputCapture,
} from '@capsule/executor'
import { displayRenderers, type Engine, type EngineOptions, toWireError } from '@capsule/namespace'
import type { ResetAnswer, StreamMessage, StreamName, WorkerSettings } from '@capsule/protocol'
import { type CellStreams, type CellStreamsLink, createCellStreams, type StreamOptions } from '@capsule/transport'
import { add, load, notify, store } from './atomics.ts'
import { flushOnExit } from './exit-flush.ts'
import { createHarness, type Harness } from './harness.ts'
import type { Answer, CaptureAnswer, InboxMessage } from './inbox.ts'
import { createOutbox, createShownOutbox, type OutboxMessage } from './outbox.ts'
import { createRingWriter, maxTextLength, type RingWriter, type TextBound, textFlag } from './ring.ts'
import { type SharedState, word } from './shared-state.ts'
import { createStreamBatch, type StreamBatch } from './stream-batch.ts'
import { createSyncPrompt, type SyncPrompt } from './sync-prompt.ts'
import { type AfterHarness, createUserInbox, type UserInbox } from './user-inbox.ts'

export interface UserSideOptions {
  readonly shared: SharedState
  /** The other end is the control side's. */
  readonly port: MessagePort
  /**
   * Takes what cells send into channels, and holds what the host sends; the other end is the control side's.
   * @defaultValue cells have no channels
   */
  readonly streamPort?: MessagePort
  readonly clock: Clock
  readonly createEngine: (options: EngineOptions) => Engine
}

/** The half of the threaded executor that runs cells; it lives on the process's main thread as long as the process. */
export function startUserSide(options: UserSideOptions): void {
  new UserSide(options)
}

// cells may replace these, as tests of command lines do
const { min } = Math
const exitProcess = process.exit.bind(process)

// cells share globalThis with this code and may replace it
const { memoryUsage } = process

/** The routes that end on this thread: `async` cells could share it, `threaded` ones may block it. */
const routes: readonly ExecutorRoute[] = ['threaded', 'async']

type Configuration = Extract<InboxMessage, { type: 'configure' }>

/** What exists once the settings are known. */
interface Parts {
  readonly engine: Engine
  readonly settings: WorkerSettings
  readonly runner: CellRunner
  readonly requests: HostRequests
  readonly syncPrompt: SyncPrompt
  readonly streams: CellStreams
}

class UserSide {
  readonly #options: UserSideOptions
  readonly #harness: Harness
  readonly #ring: RingWriter
  readonly #emitInHarness: (message: OutboxMessage) => void
  readonly #inbox: UserInbox
  readonly #outgoing: StreamBatch | undefined
  #parts: Parts | undefined
  #resetAnswered = 0

  constructor(options: UserSideOptions) {
    const { shared, port } = options
    this.#options = options
    this.#harness = createHarness(shared)
    this.#ring = createRingWriter(shared)
    this.#emitInHarness = createOutbox(this.#ring, port)
    this.#outgoing = options.streamPort && createStreamBatch(options.streamPort)
    this.#inbox = createUserInbox(shared, port, this.#harness, (inbox) => this.#handle(inbox))
    flushOnExit(shared, this.#harness, () => this.#emit({ type: 'flush' }))
  }

  #emit(message: OutboxMessage): void {
    this.#harness(() => this.#emitInHarness(message))
  }

  #answer(requestId: number, answer: Answer): void {
    this.#emit({ type: 'answered', requestId, answer })
  }

  /** Runs in the harness; what may call code of a cell is left for after it. */
  #handle(inbox: InboxMessage): AfterHarness {
    if (inbox.type === 'configure') {
      this.#parts = this.#configure(inbox)
      return this.#emitInHarness({ type: 'configured' }) as undefined
    }
    const parts = this.#parts
    if (parts === undefined) return
    const { runner, engine } = parts
    switch (inbox.type) {
      case 'execute':
        return runner.accept(inbox.message).start
      case 'cancel':
        // now, before the start that may be left for later
        if (runner.isQueued(inbox.executionId)) return runner.cancel(inbox.executionId, inbox.reason) as undefined
        runner.expectCancel(inbox.executionId, inbox.reason)
        return () => runner.cancel(inbox.executionId, inbox.reason)
      case 'abandon':
        return runner.settleAbandoned(inbox.executionId, inbox.reason) as undefined
      case 'terminated':
        parts.streams.giveUp(inbox.executionId)
        runner.settleTerminated(inbox.executionId, inbox.reason, inbox.count)
        return () => runner.startQueued()
      case 'stream':
        return this.#receiveStream(parts.streams) as undefined
      case 'respond':
        return this.#respond(parts, inbox.message) as undefined
      case 'grant':
        return parts.requests.grant(inbox.manifest) as undefined
      case 'inspect':
        return () => this.#answer(inbox.requestId, engine.inspect(inbox.query))
      case 'capture':
        return this.#answer(inbox.requestId, captured(engine, inbox.limitBytes)) as undefined
      case 'restore':
        // code of the snapshot runs
        return () => engine.restore(inbox.payload, inbox.mode, (answer) => this.#answer(inbox.requestId, answer))
      case 'abandon-restore':
        return engine.abandonRestore() as undefined
      case 'reset':
        return this.#reset(parts, inbox.requestId)
      case 'ping':
        store(this.#options.shared.words, word.heapUsedKib, (memoryUsage().heapUsed / 1024) | 0)
        return
      case 'exit':
        return () => exitProcess(inbox.code)
    }
  }

  #reset({ engine, streams }: Parts, requestId: number): AfterHarness {
    // answered, and asked for again because that was not known yet: there may be a namespace to keep by now
    if (requestId === this.#resetAnswered) return undefined
    streams.abandon()
    const done = (answer: ResetAnswer): void => {
      this.#resetAnswered = requestId
      this.#answer(requestId, answer)
    }
    // code of cells runs
    return () => engine.reset({ critical: this.#harness, done })
  }

  #configure({ settings, features, maxConcurrent, streams: link }: Configuration): Parts {
    const { createEngine, clock } = this.#options
    const { valueBytes, valueDepth, textLength, modules } = settings
    const engine = createEngine({
      valueBytes,
      valueDepth,
      textLength,
      modules,
      onUncaught: (executionId, error) => runner.uncaught(executionId, error),
      onDisplayable: (value) => displays.showValue(value),
      members: { stream: (name: string, more?: StreamOptions) => streams.stream(name, more) },
    })
    const whose = {
      currentExecutionId: () => engine.currentExecutionId(),
      isRunning: (executionId: string) => runner.isRunning(executionId),
    }
    const streams = this.#createStreams(engine, link)
    const bound = boundOf(settings)
    const { displays, progress } = createShowing({
      ...whose,
      renderers: displayRenderers,
      features,
      show: createShownOutbox(this.#ring, bound),
      showLast: (message) => this.#emit(message),
      print: (text) => write('stdout', text),
      partBytes: settings.outputChunkBytes,
      clock,
    })
    const write = this.#createWriter({ engine, runner: () => runner, progress, bound })
    const requests = createHostRequests({
      ...whose,
      clock,
      engine,
      emit: (message) => this.#emitBehind(progress, message),
      openChannel: (callId) => streams.callStream(callId),
      argsBytes: link?.sizes.valueBytes ?? settings.outputBufferBytes,
      prompt: (text, more) => {
        assertOneCell(maxConcurrent)
        return syncPrompt.prompt(text, more)
      },
    })
    const runner = createCellRunner({
      engine,
      requests,
      progress,
      clock,
      maxConcurrent,
      terminations: () => load(this.#options.shared.words, word.terminations),
      critical: this.#harness,
      executorOf: (message, mode) =>
        chooseRoute({ mode, route: message.route, available: routes, preferred: settings.route }),
      emit: (message) => this.#emitOf(engine, message),
    })
    const syncPrompt = createSyncPrompt({ input: requests.input, engine, inbox: this.#inbox, clock })
    engine.defineBuiltin('display', displays.display)
    engine.defineBuiltin('progress', progress.progress)
    installOutputCapture({ write })
    return { engine, settings, runner, requests, syncPrompt, streams }
  }

  #respond({ syncPrompt, requests }: Parts, message: Extract<InboxMessage, { type: 'respond' }>['message']): void {
    if (message.type !== 'input-response' || !syncPrompt.respond(message)) requests.respond(message)
  }

  /** Behind what was printed and shown. */
  #emitBehind(progress: ProgressReports, message: HostRequestMessage): void {
    progress.flush(message.executionId)
    this.#emit(message)
  }

  #emitOf(engine: Engine, message: OrderedMessage): void {
    const { words } = this.#options.shared
    const isTerminal = message.type === 'result' || (message.type === 'error' && message.terminal)
    if (isTerminal) store(words, word.bindings, engine.counters.bindings)
    this.#emit(message)
    if (!isTerminal) return
    add(words, word.terminals, 1)
    notify(words, word.terminals)
  }

  #createStreams(engine: Engine, link: Omit<CellStreamsLink, 'send'> | undefined): CellStreams {
    const outgoing = this.#outgoing
    return createCellStreams({
      link: link && outgoing && { ...link, send: outgoing.add },
      // it moves to the other thread
      copiesData: true,
      critical: (fn) =>
        this.#harness(() => {
          try {
            return fn()
          } finally {
            outgoing?.post()
          }
        }),
      engine,
    })
  }

  /** Fetched in the harness, so that no termination swallows it. */
  #receiveStream(streams: CellStreams): void {
    const { streamPort } = this.#options
    const next = streamPort && receiveMessageOnPort(streamPort)
    if (next === undefined) return
    const messages = next.message as StreamMessage[]
    for (let index = 0; index < messages.length; index++) streams.receive(messages[index] as StreamMessage)
    this.#outgoing?.post()
  }

  #createWriter({ engine, runner, progress, bound }: WriterParts): (stream: StreamName, text: string) => void {
    return (stream, text) => {
      const executionId = engine.currentExecutionId() ?? runner().lastExecutionId
      // nothing of a cell has run yet: there is no one to attribute it to
      if (executionId === undefined) return
      progress.flush(executionId)
      const flags = (stream === 'stderr' ? textFlag.stderr : 0) | (runner().isRunning(executionId) ? 0 : textFlag.late)
      if (text.length <= maxTextLength) return this.#ring.writeText(executionId, flags, text, bound)
      for (const piece of pieces(text)) this.#ring.writeText(executionId, flags, piece, bound)
    }
  }
}

/** @throws SYNC_INPUT_UNAVAILABLE */
function assertOneCell(maxConcurrent: number): void {
  if (maxConcurrent > 1) throw executorErrors.SYNC_INPUT_UNAVAILABLE({ executor: 'threaded', maxConcurrent })
}

interface WriterParts {
  readonly engine: Engine
  readonly runner: () => CellRunner
  readonly progress: ProgressReports
  readonly bound: TextBound | undefined
}

/** In the harness: no code of cells runs for it. */
function captured(engine: Engine, limitBytes: number): CaptureAnswer {
  try {
    return { kind: 'captured', namespace: engine.capture({ limitBytes }) }
  } catch (error) {
    return { kind: 'failed', error: toWireError(error) }
  }
}

function boundOf({ backPressure, outputBufferBytes: limitBytes }: WorkerSettings): TextBound | undefined {
  if (backPressure !== 'error') return undefined
  const refuse = (): never => {
    throw executorErrors.OUTPUT_OVERFLOW({ bytes: maxTextLength, bufferBytes: limitBytes })
  }
  return { limitBytes, refuse }
}

/** Cuts at most `maxTextLength` units at a time, never inside a surrogate pair. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    let end = min(start + maxTextLength, text.length)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end--
    yield text.slice(start, end)
    start = end
  }
}
