import { closeSync, writeSync } from 'node:fs'
import type { ByteSink, ByteSinkHandlers, Urgency } from './byte-pipes.ts'
import { encodeFrame } from './framing.ts'
import { frameHeaderBytes, slabBytes, slabHoldMs } from './limits.ts'

export interface SlabSink extends ByteSink {
  /** Writes out what is gathered. */
  flush(): void
}

export interface SlabSinkOptions {
  /** Replaced in tests. */
  readonly write?: (fd: number, bytes: Uint8Array, offset: number, length: number) => number
  readonly now?: () => number
}

// guest code shares this realm and may replace globals later: keep what was there at load
const systemWrite = writeSync
const systemClose = closeSync
const microtask = queueMicrotask
const { wait } = Atomics
const performanceNow = performance.now.bind(performance)
// unit: milliseconds; the wait between tries when somebody made the pipe non-blocking
const longestBackoffMs = 16

/**
 * Frames into a file descriptor by blocking writes through one reused slab: program order is wire order, and what was
 * sent is with the system when the process exits. Urgent frames and the first of a turn are written at once; small
 * others when the slab is full, after 2 ms of further sending, or when the turn (its microtask) ends.
 * The descriptor is never opened as a socket, which would make it non-blocking.
 */
export function createSlabSink(fd: number, options: SlabSinkOptions = {}): SlabSink {
  return new BlockingSlab(fd, options)
}

class BlockingSlab implements SlabSink {
  // what the slab holds leaves by itself when the turn ends: nobody needs to wait for it
  readonly queuedBytes = 0
  readonly #fd: number
  readonly #write: NonNullable<SlabSinkOptions['write']>
  readonly #now: () => number
  readonly #slab = Buffer.allocUnsafeSlow(slabBytes)
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4))
  #state: 'open' | 'broken' | 'closed' = 'open'
  #filled = 0
  #isInTurn = false
  // a bulk frame of this turn was written already
  #hasBulk = false
  #flushedAtMs = 0
  #handlers: ByteSinkHandlers | undefined
  readonly #endTurn = (): void => {
    this.#isInTurn = false
    this.#hasBulk = false
    if (this.#filled > 0) this.flush()
  }

  constructor(fd: number, { write = systemWrite, now = performanceNow }: SlabSinkOptions) {
    this.#fd = fd
    this.#write = write
    this.#now = now
  }

  open(handlers: ByteSinkHandlers): void {
    this.#handlers = handlers
  }

  writeFrame(payload: Uint8Array, urgency: Urgency): void {
    const frameBytes = frameHeaderBytes + payload.length
    if (frameBytes > slabBytes - this.#filled) this.flush()
    if (frameBytes > slabBytes) return this.#writeAll(encodeFrame(payload, Infinity), frameBytes)
    this.#slab.writeUInt32BE(payload.length, this.#filled)
    this.#slab.set(payload, this.#filled + frameHeaderBytes)
    this.#filled += frameBytes
    if (this.#isDue(urgency)) this.flush()
    if (urgency === 'turn') this.#hasBulk = true
    if (this.#isInTurn) return
    this.#isInTurn = true
    microtask(this.#endTurn)
  }

  flush(): void {
    const length = this.#filled
    this.#filled = 0
    if (length > 0) this.#writeAll(this.#slab, length)
    this.#flushedAtMs = this.#now()
  }

  end(): Promise<void> {
    this.flush()
    this.destroy()
    return Promise.resolve()
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#filled = 0
    systemClose(this.#fd)
  }

  #isDue(urgency: Urgency): boolean {
    switch (urgency) {
      case 'now':
        return true
      case 'turn':
        return !this.#hasBulk || this.#now() - this.#flushedAtMs >= slabHoldMs
      case 'next':
        return false
    }
  }

  #writeAll(bytes: Uint8Array, length: number): void {
    let backoffMs = 1
    for (let written = 0; written < length && this.#state === 'open';) {
      try {
        written += this.#write(this.#fd, bytes, written, length - written)
        backoffMs = 1
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          wait(this.#sleeper, 0, 0, backoffMs)
          backoffMs = Math.min(backoffMs * 2, longestBackoffMs)
        } else {
          this.#state = 'broken'
          this.#handlers?.fail(error)
        }
      }
    }
  }
}
