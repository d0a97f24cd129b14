import type { Timer } from '@capsule/core'
import type { Executor, ExecutorMessage } from '@capsule/executor'
import {
  type HelloMessage,
  type HostMessage,
  type InspectAnswer,
  negotiate,
  readHostMessage,
  type ResetAnswer,
  type RestoreMessage,
  streamClassOf,
  snapshotStreamName,
  type StreamMessage,
  streamSizes,
} from '@capsule/protocol'
import { createStreamHub, type StreamChannel, type StreamHub, transportErrors } from '@capsule/transport'
import type { ControlLoopOptions, HostedExecutor } from './control-loop-options.ts'
import { featureHolds } from './feature-holds.ts'
import { processFigures } from './process-figures.ts'
import { refusedExecution, replacementOf, wireErrorOf } from './replacement.ts'
import { sendSnapshot, takeSnapshot } from './snapshot-transfer.ts'
import { effectiveSettings } from './worker-settings.ts'

/**
 * An acknowledgement waits this long for the first message of its execution: most cells are done before, and two
 * messages in one write wake the host once.
 */
const acknowledgeMs = 1

/** The exit code of a worker that refused its host's hello or was sent something it cannot read. */
const protocolFailureExitCode = 65

/** The worker's side of the protocol: one reader, one ordered way out, and heartbeats beside it. */
export function runControlLoop(options: ControlLoopOptions): void {
  new ControlLoop(options).start()
}

type State =
  | { readonly phase: 'waiting' }
  | { readonly phase: 'starting'; readonly early: HostMessage[] }
  | { readonly phase: 'serving'; readonly hosted: HostedExecutor }
  | { readonly phase: 'ended' }

class ControlLoop {
  readonly #options: ControlLoopOptions
  #state: State = { phase: 'waiting' }
  #heartbeatTimer: Timer | undefined
  #heartbeats = 0
  #unacknowledged: string | undefined
  #acknowledgeTimer: Timer | undefined
  /** Of the channels whose names are reserved; those of cells end in the executor. */
  #streams: StreamHub | undefined
  #isAwaitingDrain = false
  /** Aborts with the next interrupt. */
  #interrupts = new AbortController()

  constructor(options: ControlLoopOptions) {
    this.#options = options
  }

  start(): void {
    const { transport, onHostGone } = this.#options
    transport.start({
      message: (raw) => this.#receive(raw),
      end: (end) => {
        this.#end()
        // by this loop itself, which then ends the process in its own way
        if (end.reason !== 'closed') onHostGone(end)
      },
    })
  }

  #receive(raw: unknown): void {
    let message
    try {
      message = readHostMessage(raw)
    } catch (error) {
      return this.#refuse(error)
    }
    if (message.type === 'unknown') return
    switch (this.#state.phase) {
      case 'waiting':
        if (message.type !== 'hello') return
        this.#state = { phase: 'starting', early: [] }
        void this.#greet(message).catch((error: unknown) => this.#refuse(error))
        return
      case 'starting':
        this.#state.early.push(message)
        return
      case 'serving':
        return this.#serve(this.#state.hosted, message)
      case 'ended':
    }
  }

  async #greet(hello: HelloMessage): Promise<void> {
    const { transport } = this.#options
    const agreement = negotiate(hello)
    const settings = effectiveSettings(hello, agreement.limits)
    const sizes = streamSizes(agreement.limits)
    const streams = createStreamHub({
      side: 'control',
      sizes,
      maxStreams: hello.maxStreams,
      send: (message) => this.#sent(transport.send(message)),
    })
    this.#streams = streams
    const hosted = await this.#options.createExecutor({
      settings,
      features: agreement.features,
      maxConcurrent: agreement.features.includes('concurrency') ? Math.max(1, hello.maxConcurrentExecutions ?? 1) : 1,
      windowBytes: agreement.features.includes('output-credit') ? hello.outputWindowBytes : Infinity,
      send: (message) => this.#send(message),
      sendStream: (message) => this.#sent(transport.send(message)),
      streamSizes: sizes,
      maxStreams: hello.maxStreams,
      streams,
      acknowledge: () => this.#acknowledge(),
    })
    const { abilities } = hosted.executor
    // the host has gone meanwhile
    if (this.#state.phase !== 'starting') return hosted.executor[Symbol.asyncDispose]()
    const { early } = this.#state
    transport.send({
      type: 'ready',
      ...agreement,
      features: agreement.features.filter((feature) => featureHolds(feature, hosted.executor)),
      settings,
      executors: hosted.routes.map((name) => ({ name, ...abilities })),
      pid: process.pid,
      nodeVersion: process.version,
    })
    transport.agree({ codec: agreement.codec, limits: agreement.limits })
    this.#state = { phase: 'serving', hosted }
    for (const message of early) this.#serve(hosted, message)
    this.#scheduleHeartbeat(hosted.executor, settings.heartbeatMs)
  }

  #serve(hosted: HostedExecutor, message: HostMessage): void {
    const { executor } = hosted
    switch (message.type) {
      case 'hello':
        return
      case 'execute':
        this.#acknowledge()
        this.#unacknowledged = message.executionId
        try {
          executor.execute(message)
        } catch (error) {
          this.#send(refusedExecution(message.executionId, executor.name, error))
        }
        // the async executor has mostly ended it by now
        return this.#acknowledgeSoon()
      case 'input-response':
      case 'capability-response':
        return executor.respond(message)
      case 'capabilities':
        return executor.grant(message.manifest)
      case 'cancel':
        return executor.cancel(message)
      case 'interrupt':
        this.#interrupts.abort()
        this.#interrupts = new AbortController()
        return executor.interrupt(message)
      case 'inspect':
        void executor.inspect(message.query).then((answer) => this.#sendAnswer(message.requestId, answer))
        return
      case 'checkpoint':
        return void sendSnapshot(this.#snapshotStream(message.requestId), executor, message)
      case 'restore':
        return void this.#takeSnapshot(executor, message)
      case 'reset':
        return void executor.reset(message).then((answer) => this.#sendReset(message.requestId, answer))
      case 'stream-open':
      case 'stream-data':
      case 'stream-credit':
      case 'stream-close':
        return this.#serveStream(executor, message)
      case 'shutdown':
        void executor.drain({ graceMs: message.graceMs }).then(() => hosted.exit(0))
    }
  }

  #serveStream(executor: Executor, message: StreamMessage): void {
    const { type, streamId } = message
    if (type === 'stream-credit' && streamId === 'output') return executor.credit(message.bytes)
    const isOwn = type === 'stream-open' ? isReserved(message.name) : this.#streams?.owns(streamId)
    if (isOwn === true) this.#streams?.receive(message)
    else executor.stream?.(message)
  }

  #takeSnapshot(executor: Executor, { requestId, mode }: RestoreMessage): Promise<void> {
    const { signal } = this.#interrupts
    return takeSnapshot(this.#snapshotStream(requestId), executor, { mode, signal })
  }

  #snapshotStream(requestId: string): StreamChannel {
    // it is made before anything is served
    return (this.#streams as StreamHub).stream(snapshotStreamName(requestId))
  }

  #sendAnswer(requestId: string, answer: InspectAnswer): void {
    const { transport } = this.#options
    try {
      transport.send({ type: 'inspect-result', requestId, answer })
    } catch (error) {
      transport.send({ type: 'inspect-result', requestId, answer: { what: 'failure', error: wireErrorOf(error) } })
    }
  }

  #sendReset(requestId: string, answer: ResetAnswer): void {
    const { transport } = this.#options
    try {
      transport.send({ type: 'reset-result', requestId, answer })
    } catch (error) {
      transport.send({ type: 'reset-result', requestId, answer: { kind: 'failed', error: wireErrorOf(error) } })
    }
  }

  #acknowledgeSoon(): void {
    if (this.#unacknowledged === undefined) return
    // one timer serves many executions: it may send an acknowledgement early, never late
    this.#acknowledgeTimer ??= this.#options.clock.setTimer(acknowledgeMs, () => {
      this.#acknowledgeTimer = undefined
      this.#acknowledge()
    })
  }

  #acknowledge(): void {
    const executionId = this.#unacknowledged
    if (executionId === undefined) return
    this.#unacknowledged = undefined
    this.#options.transport.send({ type: 'ack', executionId })
  }

  #send(message: ExecutorMessage): boolean {
    this.#acknowledge()
    const { transport } = this.#options
    try {
      return this.#sent(transport.send(message))
    } catch (error) {
      return this.#sent(transport.send(replacementOf(message, error)))
    }
  }

  /** Passes on whether the transport welcomes more, and tells all who send when it does again. */
  #sent(isWelcome: boolean): boolean {
    if (isWelcome || this.#isAwaitingDrain) return isWelcome
    this.#isAwaitingDrain = true
    void this.#options.transport.drained().then(() => {
      this.#isAwaitingDrain = false
      if (this.#state.phase === 'serving') this.#state.hosted.resume()
      this.#streams?.resume()
    })
    return false
  }

  #scheduleHeartbeat(executor: Executor, heartbeatMs: number): void {
    if (this.#state.phase !== 'serving' || heartbeatMs === 0) return
    this.#heartbeatTimer = this.#options.clock.setTimer(heartbeatMs, () => {
      const { executionIds, bindings, heapUsedBytes, eventLoopDelayMs } = executor.stats()
      const [executionId] = executionIds
      this.#options.transport.send({
        type: 'heartbeat',
        sequence: ++this.#heartbeats,
        ...processFigures(),
        eventLoopDelayMs,
        bindings,
        heapUsedBytes,
        ...(executionId === undefined ? {} : { executionId }),
      })
      this.#scheduleHeartbeat(executor, heartbeatMs)
    })
  }

  #refuse(error: unknown): void {
    this.#end()
    const { transport, exit } = this.#options
    transport.send({ type: 'error', terminal: false, error: wireErrorOf(error) })
    void transport.close().then(() => exit(protocolFailureExitCode))
  }

  #end(): void {
    this.#heartbeatTimer?.cancel()
    this.#acknowledgeTimer?.cancel()
    this.#streams?.close(transportErrors.STREAM_DISCONNECTED({}))
    if (this.#state.phase === 'serving') void this.#state.hosted.executor[Symbol.asyncDispose]()
    this.#state = { phase: 'ended' }
  }
}

const isReserved = (name: string): boolean => streamClassOf(name) === 'control'
