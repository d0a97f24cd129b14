/* oxlint-disable max-lines -- who waits for whom on the control thread is read together */
import { receiveMessageOnPort } from 'node:worker_threads'
import {
  createOutputPump,
  droppedTerminal,
  type Executor,
  executorErrors,
  type OutputPump,
  type UncountedTerminal,
} from '@capsule/executor'
import type {
  CancelMessage,
  CapturedNamespace,
  InspectAnswer,
  InspectQuery,
  ResetAnswer,
  RestoreAnswer,
  RestoreMode,
  StreamMessage,
} from '@capsule/protocol'
import { load, waitAsync } from './atomics.ts'
import { createCancelLadder } from './cancel-ladder.ts'
import { createMailbox } from './mailbox.ts'
import { behindRing, waitsForRoom } from './behind-ring.ts'
import { releaseExit } from './exit-flush.ts'
import { type Blob, type OutboxMessage, readOutboxMessage } from './outbox.ts'
import { createRingReader, type RingReceiver, textFlag } from './ring.ts'
import { createStreamRelay, type StreamRelay } from './stream-relay.ts'
import { word } from './shared-state.ts'
import { createMainThreadTerminator } from './terminator.ts'
import type { ThreadedExecutor, ThreadedExecutorOptions } from './threaded-executor.ts'
import { UserQuestions } from './user-questions.ts'

export function createThreadedExecutor(options: ThreadedExecutorOptions): ThreadedExecutor {
  return new ControlSide(options)
}

class ControlSide implements ThreadedExecutor {
  readonly name = 'threaded'
  readonly abilities
  readonly configured: Promise<void>
  readonly #options: ThreadedExecutorOptions
  readonly #pump: OutputPump
  readonly #mailbox
  readonly #ladder
  readonly #reader
  readonly #relay: StreamRelay | undefined
  /** By id, oldest first: the number of the message that told the user side of it. */
  readonly #running = new Map<string, number>()
  readonly #questions: UserQuestions
  readonly #whenIdle = new Set<() => void>()
  #terminalsRead = 0
  #isReading = false
  #isWaitingForMore = false
  #willTakeIn = false
  #isWaitingForTerminal = false
  #isDisposed = false
  #onConfigured: () => void

  constructor(options: ThreadedExecutorOptions) {
    this.#options = options
    const { shared, port, clock, settings, streams, maxConcurrent = 1 } = options
    // a blocking prompt() would stop the other cells, maybe the one whose answer the host waits to give
    this.abilities = { preemptive: true, syncInput: maxConcurrent === 1, concurrent: maxConcurrent > 1 }
    this.#pump = createOutputPump({
      settings: waitsForRoom(settings) ? behindRing(settings, shared.ring.length) : settings,
      clock,
      send: options.send,
      windowBytes: options.windowBytes ?? Infinity,
      overfill: true,
      onRoom: () => this.#takeInSoon(),
    })
    this.#reader = createRingReader(shared, this.#createReceiver(), { joinBytes: this.#pump.chunkBytes })
    this.#mailbox = createMailbox(shared, port, clock)
    this.#questions = new UserQuestions(this.#mailbox)
    this.#ladder = createCancelLadder({
      shared,
      mailbox: this.#mailbox,
      terminator: options.terminator ?? createMainThreadTerminator(),
      clock,
      catchUp: () => void this.#read(() => true),
      onTerminated: () => this.#questions.terminated(),
      inFlight: () => this.#running.keys(),
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.configured = promise
    this.#onConfigured = resolve
    const { features = ['display', 'progress'] } = options
    this.#relay =
      streams && createStreamRelay({ ...streams, posted: () => void this.#mailbox.post({ type: 'stream' }) })
    this.#mailbox.post({
      type: 'configure',
      settings,
      features,
      maxConcurrent,
      ...(streams && { streams: { sizes: streams.sizes, maxStreams: streams.maxStreams } }),
    })
    this.#takeIn()
  }

  execute(message: Parameters<Executor['execute']>[0]): void {
    if (this.#isDisposed) throw executorErrors.EXECUTOR_DISPOSED({ executor: this.name })
    const { maxConcurrent: limit = 1 } = this.#options
    if (this.#running.size >= limit || this.#running.has(message.executionId)) {
      throw executorErrors.EXECUTOR_BUSY({ running: [...this.#running.keys()], limit })
    }
    this.#running.set(message.executionId, this.#mailbox.post({ type: 'execute', message }))
  }

  respond(message: Parameters<Executor['respond']>[0]): void {
    this.#mailbox.post({ type: 'respond', message })
  }

  grant(manifest: Parameters<Executor['grant']>[0]): void {
    this.#mailbox.post({ type: 'grant', manifest })
  }

  cancel(message: Parameters<Executor['cancel']>[0]): void {
    const sequence = this.#running.get(message.executionId)
    if (sequence !== undefined && !this.#dropUntaken(message, sequence)) this.#ladder.cancel(message)
  }

  interrupt({ cooperativeMs }: Parameters<Executor['interrupt']>[0]): void {
    if (this.#running.size === 0) {
      this.#questions.abandonRestores()
      this.#ladder.unblock({ cooperativeMs })
    }
    for (const executionId of this.#running.keys()) {
      this.cancel({ type: 'cancel', executionId, reason: 'cancelled', cooperativeMs })
    }
  }

  inspect(query: InspectQuery): Promise<InspectAnswer> {
    return this.#questions.inspect(query)
  }

  capture(options: { limitBytes: number }): Promise<CapturedNamespace> {
    return this.#questions.capture(options)
  }

  restore(payload: Uint8Array, mode: RestoreMode): Promise<RestoreAnswer> {
    return this.#questions.restore(payload, mode)
  }

  async reset({ cooperativeMs }: { cooperativeMs: number }): Promise<ResetAnswer> {
    const { words } = this.#options.shared
    const terminations = load(words, word.terminations)
    const asked = this.#questions.reset()
    this.#ladder.unblock({ cooperativeMs })
    const answer = await asked
    if (answer.kind === 'failed' || load(words, word.terminations) === terminations) return answer
    return { ...answer, left: [...answer.left, 'late code was terminated inside Node'] }
  }

  credit(bytes: number): void {
    this.#pump.credit(bytes)
  }

  stream(message: StreamMessage): void {
    this.#relay?.add(message)
  }

  resume(): void {
    this.#pump.resume()
    this.#relay?.resume()
  }

  stats(): ReturnType<Executor['stats']> {
    const eventLoopDelayMs = this.#mailbox.waitingMs
    // what the next call finds waiting tells how long the thread has not answered
    if (eventLoopDelayMs === 0) this.#mailbox.post({ type: 'ping' })
    return {
      executionIds: [...this.#running.keys()],
      bindings: load(this.#options.shared.words, word.bindings),
      heapUsedBytes: load(this.#options.shared.words, word.heapUsedKib) * 1024,
      eventLoopDelayMs,
    }
  }

  async drain({ graceMs }: { graceMs: number }): Promise<void> {
    if (this.#running.size === 0 && this.#pump.queuedBytes === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.setTimer(graceMs, resolve)
    const flush = (): void => void this.#pump.flush().then(resolve)
    if (this.#running.size === 0) flush()
    else this.#whenIdle.add(flush)
    await promise
    timer.cancel()
    this.#whenIdle.delete(flush)
  }

  exit(code: number): void {
    this.#mailbox.post({ type: 'exit', code })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#relay?.close()
    this.#ladder[Symbol.dispose]()
    this.#pump.dispose()
    this.#questions.end()
    for (const idle of this.#whenIdle) idle()
  }

  /**
   * Where another cell keeps the thread from hearing of this one, there is nothing to terminate: if it does hear of it, the
   * cancel is there too, and nothing of the cell runs.
   */
  #dropUntaken({ executionId, reason }: CancelMessage, sequence: number): boolean {
    if (this.#running.size === 1 || this.#mailbox.isDone(sequence)) return false
    this.#mailbox.post({ type: 'cancel', executionId, reason })
    // it may have been taken a moment ago
    if (this.#mailbox.isDone(sequence)) return false
    // posted again, it might be taken a moment before the cancel is
    this.#mailbox.withdraw(sequence)
    this.#end(droppedTerminal(executionId, reason))
    return true
  }

  /** Takes in what the user side has committed, as far as the pump has room, and comes back when there is more. */
  #takeIn(): void {
    if (this.#isDisposed || this.#isReading) return
    const { words } = this.#options.shared
    // a terminal message behind the output starts the drain deadline, so it is fetched whatever the pump holds
    const isBounded = waitsForRoom(this.#options.settings)
    const mayContinue = (): boolean =>
      !isBounded || !this.#pump.isFull || load(words, word.terminals) !== this.#terminalsRead
    if (this.#read(mayContinue)) this.#awaitMore()
    else this.#awaitTerminal()
  }

  /**
   * The pump has room. A turn later: it may tell so while the reading is about to stop because it was full, and between two
   * fillings of the pump a cancel has to be heard.
   */
  #takeInSoon(): void {
    if (this.#willTakeIn) return
    this.#willTakeIn = true
    setImmediate(() => {
      this.#willTakeIn = false
      this.#takeIn()
    })
  }

  #read(mayContinue: () => boolean): boolean {
    return this.#pump.batch(() => {
      this.#isReading = true
      try {
        return this.#reader.drain(mayContinue)
      } finally {
        this.#isReading = false
      }
    })
  }

  #awaitMore(): void {
    if (this.#isWaitingForMore) return
    this.#isWaitingForMore = true
    this.#reader.whenMore(() => {
      this.#isWaitingForMore = false
      this.#takeIn()
    })
  }

  /** The pump is full and tells of room by itself; only a terminal message is fetched all the same. */
  #awaitTerminal(): void {
    if (this.#isWaitingForTerminal) return
    this.#isWaitingForTerminal = true
    const takeIn = (): void => {
      this.#isWaitingForTerminal = false
      this.#takeIn()
    }
    const waiting = waitAsync(this.#options.shared.words, word.terminals, this.#terminalsRead)
    if (waiting.async) void waiting.value.then(takeIn)
    else setImmediate(takeIn)
  }

  #createReceiver(): RingReceiver {
    const { port } = this.#options
    return {
      text: (executionId, flags, text) => {
        const stream = flags & textFlag.stderr ? 'stderr' : 'stdout'
        this.#pump.write(executionId, stream, text, (flags & textFlag.late) !== 0)
      },
      message: (body) => this.#receive(readOutboxMessage(body)),
      blob: (sequence) => {
        // a termination between posting and committing leaves a message without a place behind: passed over
        for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
          const blob = next.message as Blob
          if (blob.sequence === sequence) return this.#receive(blob.message)
        }
      },
    }
  }

  #receive(message: OutboxMessage): void {
    switch (message.type) {
      case 'configured':
        return this.#onConfigured()
      case 'answered':
        return this.#questions.answered(message.requestId, message.answer)
      case 'flush':
        return this.#flush()
      case 'result':
        return this.#settle(message)
      case 'display':
      case 'progress':
        // never refused: the ring bounds it where nothing may be dropped
        return void this.#pump.show(message)
      case 'error':
        return message.terminal ? this.#settle(message) : this.#pump.send(message)
      default:
        this.#pump.send(message)
    }
  }

  #settle(message: UncountedTerminal): void {
    this.#terminalsRead = (this.#terminalsRead + 1) | 0
    this.#end(message)
  }

  #end(message: UncountedTerminal): void {
    const { executionId } = message
    // the user side repeats itself when a termination cut off its bookkeeping behind the first one
    if (!this.#running.delete(executionId)) return
    this.#ladder.settled(executionId)
    this.#pump.send(message)
    if (this.#running.size === 0) for (const idle of this.#whenIdle) idle()
  }

  #flush(): void {
    const { shared, whenSent } = this.#options
    this.#relay?.takeIn()
    void this.#pump.flush().then(() => whenSent(() => releaseExit(shared)))
  }
}
