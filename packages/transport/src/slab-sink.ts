import { closeSync, writeSync } from 'node:fs'
import type { ByteSink, ByteSinkHandlers } from './byte-pipes.ts'
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
export function createSlabSink(
  fd: number,
  { write = systemWrite, now = performanceNow }: SlabSinkOptions = {},
): SlabSink {
  const slab = Buffer.allocUnsafeSlow(slabBytes)
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  let state: 'open' | 'broken' | 'closed' = 'open'
  let filled = 0
  let isInTurn = false
  let flushedAtMs = 0
  let handlers: ByteSinkHandlers | undefined

  const writeAll = (bytes: Uint8Array, length: number): void => {
    let backoffMs = 1
    for (let written = 0; written < length && state === 'open';) {
      try {
        written += write(fd, bytes, written, length - written)
        backoffMs = 1
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          wait(sleeper, 0, 0, backoffMs)
          backoffMs = Math.min(backoffMs * 2, longestBackoffMs)
        } else {
          state = 'broken'
          handlers?.fail(error)
        }
      }
    }
  }

  const flush = (): void => {
    const length = filled
    filled = 0
    if (length > 0) writeAll(slab, length)
    flushedAtMs = now()
  }

  const endTurn = (): void => {
    isInTurn = false
    if (filled > 0) flush()
  }

  const close = (): void => {
    if (state === 'closed') return
    state = 'closed'
    filled = 0
    systemClose(fd)
  }

  return {
    // what the slab holds leaves by itself when the turn ends: nobody needs to wait for it
    queuedBytes: 0,
    open(given) {
      handlers = given
    },
    flush,
    writeFrame(payload, isUrgent) {
      const frameBytes = frameHeaderBytes + payload.length
      if (frameBytes > slabBytes - filled) flush()
      if (frameBytes > slabBytes) return writeAll(encodeFrame(payload, Infinity), frameBytes)
      slab.writeUInt32BE(payload.length, filled)
      slab.set(payload, filled + frameHeaderBytes)
      filled += frameBytes
      if (isUrgent || !isInTurn || now() - flushedAtMs >= slabHoldMs) flush()
      if (isInTurn) return
      isInTurn = true
      microtask(endTurn)
    },
    end() {
      flush()
      close()
      return Promise.resolve()
    },
    destroy: close,
  }
}
