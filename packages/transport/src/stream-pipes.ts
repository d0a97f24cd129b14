import type { Socket } from 'node:net'
import type { ByteSink, ByteSinkHandlers, ByteSource } from './byte-pipes.ts'
import { createBulkLane } from './bulk-lane.ts'
import { encodePooledFrame, isPooled } from './frame-pool.ts'
import { encodeFrame } from './framing.ts'
import { defaultHighWaterBytes } from './limits.ts'

/** Bytes from a socket, by 'data' events. `onClose` decides what happens to the bytes nobody wants any more. */
export function createSocketSource(socket: Socket, onClose: 'discard' | 'destroy'): ByteSource {
  let isOver = false
  const once = (action: () => void): void => {
    if (isOver) return
    isOver = true
    action()
  }
  return {
    open(handlers) {
      // an 'error' without a listener would end this process
      socket.on('error', (error) => once(() => handlers.fail(error)))
      socket.on('end', () => once(() => handlers.end()))
      socket.on('close', () => once(() => handlers.end()))
      socket.on('data', (chunk: Buffer) => {
        if (!isOver) handlers.data(chunk)
      })
      socket.pause()
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close() {
      isOver = true
      if (onClose === 'destroy') socket.destroy()
      // read on, so that the peer does not stay blocked in a write and its end is seen
      else socket.resume()
    },
  }
}

/**
 * Frames into a socket; what the system does not take is queued in the stream, and bulk beyond that in its lane. `progress`
 * is told of bulk, and of other frames that were queued above `highWaterBytes`.
 */
export function createSocketSink(socket: Socket, highWaterBytes: number = defaultHighWaterBytes): ByteSink {
  let handlers: ByteSinkHandlers | undefined
  const ended = Promise.withResolvers<void>()
  const onWritten = (): void => handlers?.progress()
  const bulk = createBulkLane(socket, onWritten)
  const uncork = (): void => socket.uncork()
  let isEnding = false
  return {
    get queuedBytes() {
      return socket.writableLength + bulk.queuedBytes
    },
    open(given) {
      handlers = given
      socket.on('error', (error) => given.fail(error))
      socket.on('finish', () => ended.resolve())
      // after control that filled the queue by itself
      socket.on('drain', () => bulk.pump())
      socket.on('close', () => {
        bulk.drop()
        // a socket also ends itself, without an error, when the peer closes
        if (!isEnding || !socket.writableFinished) given.fail(new Error('the peer closed its end of the pipe'))
        ended.resolve()
      })
    },
    writeFrame(payload, urgency, lane) {
      // frames that can wait leave together in one system call: each would wake the peer
      if (urgency !== 'now' && socket.writableCorked === 0) {
        socket.cork()
        process.nextTick(uncork)
      }
      if (lane === 'bulk') bulk.write(payload)
      else if (isPooled(payload)) {
        const { frame, release } = encodePooledFrame(payload)
        socket.write(frame, () => {
          release()
          onWritten()
        })
      } else {
        const frame = encodeFrame(payload, Infinity)
        // a callback costs a tick even when the system has the bytes already
        if (socket.writableLength + frame.length > highWaterBytes) socket.write(frame, onWritten)
        else socket.write(frame)
      }
      if (urgency === 'now' && socket.writableCorked > 0) socket.uncork()
    },
    joinLanes: () => bulk.flush(),
    end() {
      isEnding = true
      if (socket.destroyed) ended.resolve()
      else bulk.whenEmpty(() => socket.end())
      return ended.promise
    },
    destroy() {
      bulk.drop()
      socket.destroy()
    },
  }
}
