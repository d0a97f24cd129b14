import { type CapsuleError, type Clock, isCapsuleError, type Timer } from '@capsule/core'
import {
  checkReady,
  defaultLimits,
  type HelloMessage,
  type HostMessage,
  hostFeatures,
  parseWorkerMessage,
  protocolErrors,
  protocolVersion,
  type ReadyMessage,
  type WireError,
  type WorkerMessage,
} from '@capsule/protocol'
import {
  createRateLimiter,
  type ProcessExit,
  type ProcessTransport,
  type RateLimiter,
  type Stray,
  type TransportEnd,
  transportErrors,
} from '@capsule/transport'
import { deathError, type WorkerDeath, type WorkerFailure } from './exit-meaning.ts'
import type { Interceptors } from './interceptors.ts'
import type { ConnectWorker } from './session.ts'

/** After the connection ended or SIGKILL was sent: how long until the process counts as gone without its word for it. */
const exitWaitMs = 2000

/** Wrong messages that are only counted. Threat: guest code that forges frames, or a broken worker that sends nothing else. */
const violationBudget = { burst: 16, ratePerSecond: 1 }

/** What a live worker says, validated. `false` from `message`: it fits nothing that is in flight. */
export interface LinkReceiver {
  message(message: Exclude<WorkerMessage, ReadyMessage>): boolean
  stray(stray: { stream: 'stdout' | 'stderr'; text: string }): void
  counted(what: 'invalid' | 'unknown'): void
  /** Exactly once, after everything else. */
  died(death: WorkerDeath): void
}

export interface WorkerLinkOptions {
  readonly connect: ConnectWorker<HostMessage>
  readonly hello: Pick<
    HelloMessage,
    'codecs' | 'settings' | 'outputWindowBytes' | 'maxStreams' | 'maxConcurrentExecutions'
  >
  readonly clock: Clock
  readonly interceptors: Interceptors | undefined
  readonly receiver: LinkReceiver
}

/** One worker process: hello and ready, validation of every frame, credit, and its one death. */
export class WorkerLink {
  readonly transport: ProcessTransport<HostMessage>
  /** Rejects when the worker refuses, speaks another protocol, or dies first. */
  readonly ready: Promise<ReadyMessage>
  readonly died: Promise<WorkerDeath>
  readonly #options: WorkerLinkOptions
  readonly #violations: RateLimiter
  readonly #ready = Promise.withResolvers<ReadyMessage>()
  readonly #died = Promise.withResolvers<WorkerDeath>()
  readonly #hello: HelloMessage
  #phase: 'hello' | 'live' | 'dead' = 'hello'
  #failure: WorkerFailure | undefined
  #exitTimer: Timer | undefined
  #takenBytes = 0
  #grantsCredit = false
  #isPaused = false

  /** @throws what `connect` throws */
  constructor(options: WorkerLinkOptions) {
    this.#options = options
    this.ready = this.#ready.promise
    this.died = this.#died.promise
    // whoever starts the link awaits `ready`; a link that is dropped before must not end the host
    this.ready.catch(() => {})
    this.#violations = createRateLimiter({ ...violationBudget, clock: options.clock })
    this.#hello = {
      type: 'hello',
      protocol: protocolVersion,
      features: [...hostFeatures],
      limits: defaultLimits,
      ...options.hello,
    }
    this.transport = options.connect()
    this.transport.onStray = (stray) => this.#onStray(stray)
    void this.transport.exited.then((exit) => this.#die(exit))
    this.transport.start({ message: (message) => this.#onMessage(message), end: (end) => this.#onEnd(end) })
    this.send(this.#hello)
  }

  get isDead(): boolean {
    return this.#phase === 'dead'
  }

  /** `false`: it is queued; bulk waits for `transport.drained()`. @throws FRAME_TOO_LARGE, FRAME_TOO_DEEP */
  send(message: HostMessage): boolean {
    if (this.#phase === 'dead') return true
    const isWelcome = this.transport.send(message)
    this.#options.interceptors?.sent(message)
    return isWelcome
  }

  /** Grants credit in steps of half a window, so that a fast reader costs few messages. */
  credit(bytes: number): void {
    if (!this.#grantsCredit) return
    this.#takenBytes += bytes
    if (this.#takenBytes * 2 < this.#hello.outputWindowBytes) return
    this.send({ type: 'stream-credit', streamId: 'output', bytes: this.#takenBytes })
    this.#takenBytes = 0
  }

  /**
   * So many bytes are queued for a reader. Without credit this is the back-pressure; with credit only a worker that
   * sends more than it may is held up.
   */
  hold(bytes: number): void {
    const limitBytes = this.#hello.outputWindowBytes * (this.#grantsCredit ? 4 : 1)
    if (this.#isPaused ? bytes * 2 > limitBytes : bytes <= limitBytes) return
    this.#isPaused = !this.#isPaused
    if (this.#isPaused) this.transport.pause()
    else this.transport.resume()
  }

  /** SIGKILL; `died` follows in bounded time. */
  kill(): void {
    if (this.#phase === 'dead') return
    // what was sent before is still read: a paused transport would keep the exit from being seen
    this.hold(0)
    this.transport.kill('SIGKILL')
    this.#expectExit({ code: null, signal: 'SIGKILL' })
  }

  /** Asks the worker to end, then kills it. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#phase === 'dead') return
    this.hold(0)
    const timer = this.#options.clock.setTimer(graceMs, () => this.kill())
    if (graceMs > 0) this.send({ type: 'shutdown', graceMs })
    else this.kill()
    await this.died
    timer.cancel()
  }

  #onMessage(raw: unknown): void {
    if (this.#phase === 'dead') return
    const message = this.#validated(raw)
    if (message === undefined) return
    this.#options.interceptors?.received(message)
    if (message.type === 'error' && !message.terminal && message.executionId === undefined) {
      return this.#onReport(message.error)
    }
    if (this.#phase === 'live') {
      if (message.type === 'ready') this.#violated('ready twice')
      else if (!this.#options.receiver.message(message)) this.#violated(`${message.type} for nothing in flight`)
    } else if (message.type === 'ready') this.#onReady(message)
    else this.#violated(`${message.type} before ready`)
  }

  #validated(raw: unknown): WorkerMessage | undefined {
    try {
      const message = parseWorkerMessage(raw)
      if (message.type !== 'unknown') return message
      this.#options.receiver.counted('unknown')
    } catch (error) {
      if (!protocolErrors.INVALID_MESSAGE.is(error)) throw error
      this.#violated(error.message, error)
    }
    return undefined
  }

  #onReady(message: ReadyMessage): void {
    try {
      checkReady(this.#hello, message)
    } catch (error) {
      this.#ready.reject(error)
      return this.kill()
    }
    this.transport.agree({ codec: message.codec, limits: message.limits })
    this.#phase = 'live'
    this.#grantsCredit = message.features.includes('output-credit')
    this.#ready.resolve(message)
  }

  /** The worker's own failure; it ends by itself, and is helped along if it does not. */
  #onReport({ code, message }: WireError): void {
    this.#failure ??= { kind: 'report', code, message }
    this.#expectExit({ code: null, signal: null })
  }

  #onStray(stray: Stray): void {
    if (this.#phase === 'dead') return
    this.#options.receiver.stray(stray)
  }

  #onEnd(end: TransportEnd): void {
    if (this.#phase === 'dead' || end.reason === 'closed') return
    if (end.reason === 'failed') {
      const { error } = end
      this.#failure ??= isViolation(error)
        ? { kind: 'violation', reason: error.message, cause: error }
        : { kind: 'connection', cause: error }
      return this.kill()
    }
    this.#expectExit({ code: null, signal: null })
  }

  #violated(reason: string, cause?: CapsuleError): void {
    this.#options.receiver.counted('invalid')
    if (this.#violations.tryTake() || this.#failure !== undefined) return
    this.#failure = { kind: 'violation', reason, ...(cause !== undefined && { cause }) }
    this.kill()
  }

  #expectExit(assumed: ProcessExit): void {
    this.#exitTimer ??= this.#options.clock.setTimer(exitWaitMs, () => {
      this.transport.kill('SIGKILL')
      this.#die(assumed)
    })
  }

  #die(exit: ProcessExit): void {
    if (this.#phase === 'dead') return
    this.#phase = 'dead'
    this.#exitTimer?.cancel()
    const { killReason, stderrTail } = this.transport
    if (killReason !== undefined) this.#failure = { kind: 'ended', cause: killReason }
    const death = { exit: { ...exit, stderrTail }, failure: this.#failure }
    this.#ready.reject(startError(death))
    this.#options.receiver.died(death)
    this.#died.resolve(death)
    // a grandchild may hold the pipes open; the descriptors of this side are given back now
    void this.transport.close({ discard: true }).catch(() => {})
  }
}

/** What only a broken or hostile worker sends; a frame cut short is how any death can look. */
function isViolation(error: CapsuleError): boolean {
  return (
    transportErrors.FRAME_TOO_LARGE.is(error) ||
    transportErrors.FRAME_EMPTY.is(error) ||
    protocolErrors.FRAME_TOO_DEEP.is(error) ||
    protocolErrors.FRAME_MALFORMED.is(error)
  )
}

function startError(death: WorkerDeath): CapsuleError {
  const { failure } = death
  if (failure?.kind === 'report' && failure.code === 'PROTOCOL_MISMATCH') {
    const unknownVersion = { major: 0, minor: 0 }
    return protocolErrors.PROTOCOL_MISMATCH({ own: protocolVersion, peer: unknownVersion, problem: failure.message })
  }
  if (failure?.kind === 'ended') return failure.cause
  if (failure?.kind === 'connection' && transportErrors.WORKER_SPAWN_FAILED.is(failure.cause)) return failure.cause
  const cause = deathError(death)
  return transportErrors.WORKER_SPAWN_FAILED({ command: 'the worker', reason: cause.message }, { cause })
}

export function asCapsuleError(error: unknown): CapsuleError {
  if (isCapsuleError(error)) return error
  return transportErrors.WORKER_SPAWN_FAILED({ command: 'the worker', reason: String(error) }, { cause: error })
}
