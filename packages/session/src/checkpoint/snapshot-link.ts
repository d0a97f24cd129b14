import {
  type AbortOptions,
  type CapsuleError,
  type Clock,
  type IdSource,
  isCapsuleError,
  withAbort,
} from '@capsule/core'
import {
  type CapturedNamespace,
  decodeRestoreAnswer,
  decodeSnapshot,
  type HostMessage,
  protocolErrors,
  type RestoreAnswer,
  type RestoreMode,
  snapshotStreamName,
} from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from '../errors.ts'
import type { StreamOptions } from '../session.ts'

export interface SnapshotLinkOptions {
  readonly clock: Clock
  readonly ids: IdSource
  readonly send: (message: HostMessage) => unknown
  /** A channel to the worker's control loop. @throws NO_WORKER, FEATURE_UNAVAILABLE */
  readonly openStream: (name: string, options: StreamOptions) => StreamChannel
}

export interface TransferOptions extends AbortOptions {
  readonly timeoutMs: number
}

// what a worker may have sent and the host not taken: enough to keep both at work
const windowBytes = 4 * 1024 * 1024
/** Unit: bytes in front of the payload. Threat: a worker that tells of bindings without end. */
const factsLimitBytes = 64 * 1024 * 1024
const answerLimitBytes = factsLimitBytes

/** Brings snapshots from the worker and to it, on a channel of their own: neither output nor cancel waits for them. */
export class SnapshotLink {
  readonly #options: SnapshotLinkOptions

  constructor(options: SnapshotLinkOptions) {
    this.#options = options
  }

  /** @throws CHECKPOINT_FAILED, REQUEST_TIMED_OUT, CANCELLED, and why the worker ended */
  async capture(limitBytes: number, options: TransferOptions): Promise<CapturedNamespace> {
    const bytes = await this.#exchange('checkpoint', options, (requestId) => {
      this.#options.send({ type: 'checkpoint', requestId, limitBytes })
      return { sent: undefined, receivedLimit: limitBytes + factsLimitBytes }
    })
    return this.#decoded(() => decodeSnapshot(bytes), 'checkpoint')
  }

  /** Waits as long as it takes. @throws RESTORE_FAILED, and why the worker ended */
  async restore(payload: Uint8Array, mode: RestoreMode): Promise<RestoreAnswer> {
    const bytes = await this.#exchange('restore', { timeoutMs: Infinity }, (requestId) => {
      this.#options.send({ type: 'restore', requestId, mode })
      return { sent: payload, receivedLimit: answerLimitBytes }
    })
    return this.#decoded(() => decodeRestoreAnswer(bytes), 'restore')
  }

  async #exchange(
    what: 'checkpoint' | 'restore',
    { signal, timeoutMs }: TransferOptions,
    start: (requestId: string) => { sent: Uint8Array | undefined; receivedLimit: number },
  ): Promise<Uint8Array> {
    const { clock, ids, openStream } = this.#options
    const requestId = ids.next('snapshot')
    const channel = openStream(snapshotStreamName(requestId), { windowBytes })
    const { promise: timedOut, reject } = Promise.withResolvers<never>()
    const timer =
      timeoutMs === Infinity
        ? undefined
        : clock.setTimer(timeoutMs, () => reject(sessionErrors.REQUEST_TIMED_OUT({ what, timeoutMs })))
    try {
      const { sent, receivedLimit } = start(requestId)
      const exchange = async (): Promise<Uint8Array> => {
        if (sent !== undefined) await channel.write(sent)
        await channel.end()
        return collected(channel, receivedLimit)
      }
      return await withAbort(Promise.race([exchange(), timedOut]), signal, what)
    } catch (error) {
      throw told(error, what)
    } finally {
      timer?.cancel()
      timedOut.catch(() => {})
      // the worker's last writes have nobody to go to
      channel.cancel()
      void channel.end().catch(() => {})
    }
  }

  /** What a worker says is looked at before it is used. */
  #decoded<T>(decode: () => T, what: 'checkpoint' | 'restore'): T {
    try {
      return decode()
    } catch (error) {
      throw told(error, what)
    }
  }
}

async function collected(channel: StreamChannel, limitBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of channel) {
    if (!(piece instanceof Uint8Array)) throw protocolViolation('it sent something else than bytes')
    bytes += piece.length
    if (bytes > limitBytes) throw protocolViolation(`it sent more than ${limitBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function protocolViolation(problem: string): CapsuleError {
  return protocolErrors.INVALID_MESSAGE({ type: 'snapshot', path: 'the snapshot', problem })
}

/** What the worker itself failed at gets the error of this side, with the worker's as its cause. */
function told(error: unknown, what: 'checkpoint' | 'restore'): unknown {
  const isOwn = isCapsuleError(error) && !streamFailures.has(error.code)
  if (isOwn) return error
  const message = error instanceof Error ? error.message : String(error)
  const fail = what === 'checkpoint' ? sessionErrors.CHECKPOINT_FAILED : sessionErrors.RESTORE_FAILED
  return fail({ message }, { cause: error })
}

const streamFailures: ReadonlySet<string> = new Set(['STREAM_FAILED', 'STREAM_CANCELLED', 'INVALID_MESSAGE'])
