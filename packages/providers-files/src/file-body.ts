import { closeSync } from 'node:fs'
import { throwIfAborted } from '@capsule/core'
import { filesErrors } from './errors.ts'
import { readFully } from './file-io.ts'
import { attemptAsync } from './io-error.ts'
import type { ClosableFile, OpenFiles } from './open-files.ts'

/** Unit: bytes of one chunk, and so of what is read ahead of the reader: nothing else is. */
const chunkBytes = 64 * 1024

export interface FileBodyOptions {
  readonly fd: number
  readonly path: string
  /** When it was opened. */
  readonly size: number
  readonly offset: number
  readonly length: number | undefined
  readonly limitBytes: number
  readonly signal: AbortSignal
  readonly streams: OpenFiles
}

/**
 * The chunks of an open file, read as they are asked for. The file is closed at the end, when the reader leaves, when the
 * signal fires and when the provider is disposed, also if nobody ever began to read: a generator would not see that.
 */
export class FileBody implements AsyncIterableIterator<Uint8Array>, ClosableFile {
  readonly path: string
  readonly #options: FileBodyOptions
  // nobody waits for this one; a close that fails has closed all the same
  readonly #onAbort = (): void => void this.close().catch(() => {})
  #position: number
  #state: 'open' | 'ended' | 'closed' = 'open'
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: FileBodyOptions) {
    this.#options = options
    this.path = options.path
    this.#position = options.offset
    options.streams.add(this)
    options.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (options.signal.aborted) this.#onAbort()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#inTurn(() => this.#next())
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#leave('ended').then(() => ({ done: true, value: undefined }))
  }

  close(): Promise<void> {
    return this.#leave('closed')
  }

  #leave(state: 'ended' | 'closed'): Promise<void> {
    const closed = this.#inTurn(() => this.#release(state))
    this.#options.streams.closing(this, closed)
    return closed
  }

  /** One after the other: a file that is closed during a read may be another file when the read begins. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  async #release(state: 'ended' | 'closed'): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = state
    const { fd, streams, signal } = this.#options
    signal.removeEventListener('abort', this.#onAbort)
    streams.delete(this)
    closeSync(fd)
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state === 'ended') return { done: true, value: undefined }
    throwIfAborted(this.#options.signal, 'the stream')
    if (this.#state === 'closed') throw filesErrors.FILES_CLOSED({ path: this.path })
    try {
      const chunk = await attemptAsync(this.path, 'reading', () => this.#read())
      if (chunk.length > 0) return { done: false, value: chunk }
    } catch (error) {
      await this.#release('ended')
      throw error
    }
    await this.#release('ended')
    return { done: true, value: undefined }
  }

  async #read(): Promise<Uint8Array> {
    const { fd, path, size, offset, length = Number.MAX_SAFE_INTEGER, limitBytes, signal } = this.#options
    const sent = this.#position - offset
    const chunk = new Uint8Array(Math.min(chunkBytes, length - sent))
    const filled = await readFully(fd, chunk, { position: this.#position, size, signal })
    if (sent + filled > limitBytes) {
      const change = 'read the rest with offset (maxStreamBytes)'
      throw filesErrors.FILES_TOO_LARGE({ path, bytes: sent + filled, limitBytes, change })
    }
    this.#position += filled
    return chunk.subarray(0, filled)
  }
}
