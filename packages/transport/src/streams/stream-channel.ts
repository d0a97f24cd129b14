import { type AbortOptions, type CapsuleError, coreErrors } from '@capsule/core'
import { decodeValue, encodeValue, streamLimits, type WireError } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import { isBytes, listen, NativePromise, unlisten, upTo } from './primordials.ts'
import type { ReadResult } from './read-half.ts'
import type { StreamEnd } from './stream-end.ts'
import type { ChunkKind, Settled, Waiting } from './write-half.ts'

/**
 * A named two-way channel between host and cell. Chunks are bytes (a `Uint8Array`; pieces of it may arrive apart, in
 * order) or any value that `encodeValue` carries whole (one message). Each chunk goes to one of its readers.
 */
export interface StreamChannel extends AsyncIterable<unknown>, AsyncDisposable {
  readonly name: string
  /**
   * Resolves when the chunk is sent within the peer's window; until then bytes must stay as they are. Aborting withdraws
   * a chunk of which nothing was sent.
   * @throws STREAM_ENDED, STREAM_CANCELLED, STREAM_VALUE_NOT_SENDABLE, CANCELLED, and why the worker ended
   */
  write(chunk: unknown, options?: AbortOptions): Promise<void>
  /** Ends this side's writing behind what was written; resolves when that is sent. Reading goes on. */
  end(options?: AbortOptions): Promise<void>
  /** Ends as `end` does; the peer's reading then fails with the error, after all data, or all that was sent with `discard`. */
  fail(error: unknown, options?: FailOptions): Promise<void>
  /** This side reads no more; the peer's pending and later writes fail. */
  cancel(reason?: unknown): void
  /** The next chunk. @throws STREAM_FAILED once, behind all data; CANCELLED, and why the worker ended */
  read(options?: AbortOptions): Promise<IteratorResult<unknown, undefined>>
  /** Resolves when both sides have ended, or the worker is gone; never rejects. */
  readonly closed: Promise<void>
  /** Ends and cancels. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface FailOptions extends AbortOptions {
  /** What was written and not sent is dropped. @defaultValue false */
  readonly discard?: boolean | undefined
}

/** What a wait in a cell is subject to beside its channel. */
export interface StreamWaits {
  /** Runs code that may not be terminated in the middle. @defaultValue runs it */
  readonly critical?: <T>(fn: () => T) => T
  /** Calls back when the caller's execution is cancelled, at once if it is already; returns the way to unregister. */
  readonly onCancel?: (cancelled: (error: Error) => void) => (() => void) | undefined
}

export interface StreamChannelOptions extends StreamWaits {
  readonly valueBytes: number
}

export function createStreamChannel(end: StreamEnd, options: StreamChannelOptions): StreamChannel {
  return new EndChannel(end, options)
}

interface Chunk {
  readonly kind: ChunkKind
  readonly data: Uint8Array
}

type Settle<T> = (error: Error | undefined, value: T) => void
type Result = IteratorResult<unknown, undefined>

// without a prototype: resolving with it looks for `then`, which a cell could have put on Object.prototype
const done = { __proto__: null, done: true, value: undefined } as unknown as Result
const runs = <T>(fn: () => T): T => fn()

class EndChannel implements StreamChannel {
  readonly name: string
  readonly #end: StreamEnd
  readonly #options: StreamChannelOptions
  readonly #critical: <T>(fn: () => T) => T
  #closed: Promise<void> | undefined

  constructor(end: StreamEnd, options: StreamChannelOptions) {
    this.name = end.name
    this.#end = end
    this.#options = options
    this.#critical = options.critical ?? runs
  }

  get closed(): Promise<void> {
    this.#closed ??= new NativePromise<void>((resolve) => this.#critical(() => this.#end.whenFinished(resolve)))
    return this.#closed
  }

  write(chunk: unknown, options: AbortOptions = {}): Promise<void> {
    let encoded: Chunk
    try {
      // outside of what is critical: it runs getters of the value
      encoded = this.#encoded(chunk)
    } catch (error) {
      return new NativePromise<void>((_, reject) => reject(error))
    }
    const { kind, data } = encoded
    return this.#wait<void>(options, 'write', (settle) => this.#end.writing.write(kind, data, toldBy(settle)))
  }

  end(options: AbortOptions = {}): Promise<void> {
    return this.#close(undefined, options)
  }

  fail(error: unknown, options: FailOptions = {}): Promise<void> {
    return this.#close(wireErrorOf(error), options)
  }

  cancel(reason?: unknown): void {
    const error = reason === undefined ? undefined : wireErrorOf(reason)
    this.#critical(() => this.#end.reading.cancel(error))
  }

  read(options: AbortOptions = {}): Promise<Result> {
    return this.#wait<Result>(options, 'read', (settle) =>
      this.#end.reading.read((result) => this.#settleRead(result, settle)),
    )
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown, undefined> {
    return new ChannelIterator(
      () => this.read(),
      () => {
        // a cancelled execution leaves its loop, and the channel stays for the next
        if (!this.#isCallerCancelled()) this.cancel()
      },
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel()
    return this.end()
  }

  #close(error: WireError | undefined, options: FailOptions): Promise<void> {
    const { writing } = this.#end
    return this.#wait<void>(options, 'end', (settle) => {
      if (options.discard === true) writing.discard()
      return writing.end(error, toldBy(settle))
    })
  }

  #settleRead(result: ReadResult, settle: Settle<Result>): void {
    switch (result.is) {
      case 'chunk':
        return this.#settleChunk(result.kind, result.data, settle)
      case 'end':
        return settle(undefined, done)
      case 'failure':
        return settle(result.error, done)
    }
  }

  #settleChunk(kind: ChunkKind, data: Uint8Array, settle: Settle<Result>): void {
    let value: unknown = data
    try {
      if (kind === 'value') value = decodeValue(data, { depth: streamLimits.valueDepth })
    } catch (error) {
      return settle(error as Error, done)
    }
    settle(undefined, { __proto__: null, done: false, value } as unknown as Result)
  }

  #encoded(chunk: unknown): Chunk {
    if (isBytes(chunk)) return { kind: 'bytes', data: chunk }
    const limitBytes = this.#options.valueBytes
    const encoded = encodeValue(chunk, { bytes: limitBytes, depth: streamLimits.valueDepth })
    if (encoded === undefined || encoded.truncated)
      throw transportErrors.STREAM_VALUE_NOT_SENDABLE({ name: this.name, limitBytes })
    return { kind: 'value', data: encoded.bytes }
  }

  #isCallerCancelled(): boolean {
    let isCancelled = false
    this.#options.onCancel?.(() => (isCancelled = true))?.()
    return isCancelled
  }

  /**
   * Settles as `begin` says, or rejects when the signal fires or the caller's execution is cancelled first. That it waits
   * is noted before it does, so that no termination leaves a wait behind of which nobody knows.
   */
  #wait<T>({ signal }: AbortOptions, what: string, begin: (settle: Settle<T>) => Waiting | undefined): Promise<T> {
    return new NativePromise<T>((resolve, reject) => {
      if (signal?.aborted) throw this.#aborted(what, signal)
      let isSettled = false
      let waiting: Waiting | undefined
      let leave: (() => void) | undefined
      const settle: Settle<T> = (error, value) => {
        if (isSettled) return
        isSettled = true
        leave?.()
        if (signal !== undefined) unlisten(signal, onAbort)
        if (error === undefined) resolve(value)
        else reject(error)
      }
      const giveUp = (error: Error): void =>
        this.#critical(() => {
          waiting?.withdraw()
          settle(error, undefined as T)
        })
      const onAbort = (): void => giveUp(this.#aborted(what, signal))
      leave = this.#options.onCancel?.(giveUp)
      if (isSettled) return leave?.()
      this.#critical(() => (waiting = begin(settle)))
      if (signal !== undefined && !isSettled) listen(signal, onAbort)
    })
  }

  #aborted(what: string, signal: AbortSignal | undefined): CapsuleError {
    return coreErrors.CANCELLED({ what: `${what} of the stream '${this.name}'` }, { cause: signal?.reason })
  }
}

function toldBy(settle: Settle<void>): Settled {
  return (error) => settle(error, undefined)
}

class ChannelIterator implements AsyncIterableIterator<unknown, undefined> {
  readonly next: () => Promise<Result>
  readonly #leave: () => void

  constructor(next: () => Promise<Result>, leave: () => void) {
    this.next = next
    this.#leave = leave
  }

  return(): Promise<Result> {
    this.#leave()
    return new NativePromise<Result>((resolve) => resolve(done))
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

// unit: characters of each text that is sent of an error
const errorTextLength = 10_000

/** What is sent of an error; anything else is sent as its text. */
function wireErrorOf(error: unknown): WireError {
  const { name, message, code } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const wire = { name: textOf(name, 'Error'), message: textOf(message, textOf(error, 'no reason given')) }
  return typeof code === 'string' ? { ...wire, code: cut(code) } : wire
}

const textOf = (value: unknown, otherwise: string): string => (typeof value === 'string' ? cut(value) : otherwise)
const cut = (text: string): string => (text.length > errorTextLength ? upTo(text, errorTextLength) : text)
